import type { OperationName } from '../cases/operations.ts';
import type { Embedded } from '../measure/embedded.ts';
import type { RlsOverhead } from '../measure/rls-overhead.ts';
import type { Scaling } from '../measure/scaling.ts';
import type { Figures } from '../measure/slices.ts';
import type { WireFigures } from '../measure/statements.ts';
import type { Column, Program } from '../servers/start.ts';

export type ByOperation<Value> = Record<OperationName, Value>;
export type ByColumn<Value> = Partial<Record<Column, Value>>;

/** All results of a run: docs/bench.json. */
export interface Results {
  conditions: {
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
  /** Medians over the rounds, at 16 connections. */
  main: ByOperation<ByColumn<Figures>>;
  /** Requests per second of Agentbase divided by those of the column: the median of the ratios of the rounds. */
  ratios: ByOperation<ByColumn<number>>;
  statements: Partial<Record<Program, ByOperation<WireFigures>>>;
  /** By number of connections. */
  connections: ByOperation<ByColumn<Record<number, Figures>>>;
  scaling: ByOperation<Scaling>;
  rlsOverhead: RlsOverhead[];
  embedded: ByOperation<Embedded>;
}
