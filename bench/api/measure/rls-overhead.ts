import pg from 'pg';
import { PipelinedQuery } from '../../../src/platform/postgres/protocol/pipelined-query.ts';
import { readSettingsSql, readSettingsValues } from '../../../src/platform/postgres/session-settings.ts';
import { onOneProcessor } from '../../lib/processor.ts';
import { FULL, handWritten, handWrittenWithoutRls, type OperationName } from '../cases/operations.ts';
import { makeWorkload, requestsOf, type WorkItem } from '../cases/workload.ts';
import { TIMEOUTS } from '../servers/credentials.ts';
import { type HandWrittenStatement, handWrittenStatement } from '../servers/hand-written-sql.ts';
import type { Filled } from '../servers/participants.ts';
import type { Server } from '../servers/start.ts';
import { interleave, type Meter, median, ratioOf } from './slices.ts';

/** Time of a statement with role, session context and row-level security, compared with the time without. */
export interface RlsOverhead {
  operation: OperationName;
  /** Median milliseconds of an execution on one connection, and their ratio. */
  with: number;
  without: number;
  onConnection: number;
  /** Over HTTP at 16 connections: requests per second without, divided by those with. */
  overHttp: number;
}

const MEASURED: OperationName[] = ['flat', 'detail', 'node'];
const EXECUTIONS = 1000;
/** The executions are short, so many rounds are needed against noise. */
const ROUNDS = 24;

export async function measureRlsOverhead(
  meter: Meter,
  filled: Filled,
  server: Server,
  timing: { rounds: number; sliceMs: number },
): Promise<RlsOverhead[]> {
  const workload = makeWorkload(filled.tenants);
  const credentials = filled.tenants.map(({ apiKey }) => apiKey);
  const overheads: RlsOverhead[] = [];
  for (const operation of MEASURED) {
    const contenders = [
      { name: 'hand-written SQL', dialect: handWritten },
      { name: 'hand-written SQL without row-level security', dialect: handWrittenWithoutRls },
    ].map(({ name, dialect }) => ({
      name,
      server,
      operation,
      requests: requestsOf(dialect, operation, workload[operation], credentials),
    }));
    const [secured = [], bare = []] = await interleave(meter, contenders, { ...timing, connections: 16 });
    const onConnection = await timeOnConnection(filled, operation, workload[operation]);
    overheads.push({ operation, ...onConnection, overHttp: ratioOf(bare, secured, 'rps') });
  }
  return overheads;
}

type Execute = (input: WorkItem) => Promise<unknown>;

async function backendOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return rows[0]?.pid ?? Number.NaN;
}

/** @returns the median milliseconds of the two executions in each round */
async function alternate([one, other]: [Execute, Execute], items: WorkItem[]): Promise<[number, number][]> {
  const times: [number, number][] = [];
  // The first round prepares the statements and does not count.
  for (let round = -1; round < ROUNDS; round++) {
    const taken: [number[], number[]] = [[], []];
    for (const [place, input] of items.entries()) {
      // Alternating, so that both use the same caches.
      for (const turn of place % 2 === 0 ? [0, 1] : [1, 0]) {
        const start = performance.now();
        await (turn === 0 ? one : other)(input);
        taken[turn as 0 | 1].push(performance.now() - start);
      }
    }
    if (round >= 0) times.push([median(taken[0]), median(taken[1])]);
  }
  return times;
}

async function timeOnConnection({ database }: Filled, operation: OperationName, items: WorkItem[]) {
  const [secured, bare] = [new pg.Client(database.serverUrl), new pg.Client(database.bypassUrl)];
  await Promise.all([secured.connect(), bare.connect()]);
  try {
    const context = { name: 'context', text: readSettingsSql(TIMEOUTS) };
    await secured.query({ ...context, values: readSettingsValues({}) });
    const queryOf = ({ text, parameters }: HandWrittenStatement, input: WorkItem) => ({
      name: operation,
      text,
      values: parameters.map((name) => input[name as keyof WorkItem]),
      rowMode: 'array',
    });
    const [withTenant, without] = [true, false].map((own) => handWrittenStatement(operation, FULL, own)) as [
      HandWrittenStatement,
      HandWrittenStatement,
    ];
    const inContext: Execute = (input) =>
      new Promise((resolve, reject) => {
        const values = readSettingsValues({ tenantId: input.tenantId, userId: input.userId });
        secured.query(
          new PipelinedQuery({ name: context.name, text: context.text, values }, [queryOf(without, input)], (error, results) =>
            error ? reject(error) : resolve(results?.[0]),
          ),
        );
      });
    const withoutContext: Execute = (input) => bare.query(queryOf(withTenant, input));
    const backends = await Promise.all([secured, bare].map(backendOf));
    const times = await onOneProcessor([process.pid, ...backends], () =>
      alternate([inContext, withoutContext], items.slice(0, EXECUTIONS)),
    );
    return {
      with: median(times.map(([one]) => one)),
      without: median(times.map(([, other]) => other)),
      onConnection: median(times.map(([one, other]) => one / other)),
    };
  } finally {
    await Promise.all([secured.end(), bare.end()]);
  }
}
