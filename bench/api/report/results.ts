import type { Embedded } from '../measure/embedded.ts';
import type { Figures } from '../measure/slices.ts';
import type { OperationName } from '../cases/operations.ts';
import type { RlsOverhead } from '../measure/rls-overhead.ts';
import type { Scaling } from '../measure/scaling.ts';
import type { Column, Program } from '../servers/start.ts';
import type { WireFigures } from '../measure/statements.ts';

export type ByOperation<Value> = Record<OperationName, Value>;
export type ByColumn<Value> = Partial<Record<Column, Value>>;

/** Everything one run has measured: docs/bench.json. */
export interface Results {
  how: {
    messages: number;
    smallMessages: number;
    tenants: number;
    rounds: number;
    sliceMs: number;
    connections: number;
    poolSize: number;
    cores: number;
    node: string;
    settings: Record<string, string>;
  };
  /** Medians over rounds, at 16 connections. */
  main: ByOperation<ByColumn<Figures>>;
  /** Requests a second of Agentbase as a part of another column's, the median over the ratios of the rounds. */
  ratios: ByOperation<ByColumn<number>>;
  statements: Partial<Record<Program, ByOperation<WireFigures>>>;
  /** By the number of connections. */
  connections: ByOperation<ByColumn<Record<number, Figures>>>;
  growth: ByOperation<Scaling>;
  price: RlsOverhead[];
  embedded: ByOperation<Embedded>;
}
