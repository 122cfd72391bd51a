import pg from 'pg';
import { PipelinedQuery } from '../../../src/platform/postgres/protocol/pipelined-query.ts';
import { readSettingsSql, readSettingsValues } from '../../../src/platform/postgres/session-settings.ts';
import { onOneProcessor } from '../../lib/processor.ts';
import { interleave, type Meter, median, ratioOf } from './slices.ts';
import { bareLimit, FULL, limit, type OperationName } from '../cases/operations.ts';
import type { Filled } from '../servers/participants.ts';
import { TIMEOUTS } from '../servers/credentials.ts';
import { type HandWrittenStatement, handWrittenStatement } from '../servers/hand-written-sql.ts';
import type { Server } from '../servers/start.ts';
import { makeWorkload, requestsOf, type WorkItem } from '../cases/workload.ts';

/** How many times as long a statement takes with role, context and row security as without. */
export interface RlsOverhead {
  operation: OperationName;
  /** Milliseconds of one execution on a connection, at the median, and their ratio. */
  with: number;
  without: number;
  onConnection: number;
  /** Through the server, 16 at once: requests a second without, by those with. */
  overHttp: number;
}

const MEASURED: OperationName[] = ['flat', 'detail', 'node'];
const EXECUTIONS = 1000;
/** They are short, and many rounds of them tell what a few do not. */
const ROUNDS = 24;

export async function measureRlsOverhead(
  meter: Meter,
  filled: Filled,
  server: Server,
  timing: { rounds: number; sliceMs: number },
): Promise<RlsOverhead[]> {
  const questions = makeWorkload(filled.world);
  const credentials = filled.world.map(({ apiKey }) => apiKey);
  const prices: RlsOverhead[] = [];
  for (const operation of MEASURED) {
    const contenders = [
      { name: 'limit', dialect: limit },
      { name: 'limit without row security', dialect: bareLimit },
    ].map(({ name, dialect }) => ({
      name,
      server,
      operation,
      requests: requestsOf(dialect, operation, questions[operation], credentials),
    }));
    const [secured = [], bare = []] = await interleave(meter, contenders, { ...timing, connections: 16 });
    const onConnection = await timeOnConnection(filled, operation, questions[operation]);
    prices.push({ operation, ...onConnection, overHttp: ratioOf(bare, secured, 'rps') });
  }
  return prices;
}

type Execute = (question: WorkItem) => Promise<unknown>;

async function backendOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return rows[0]?.pid ?? Number.NaN;
}

/** Milliseconds of an execution at the median of each round, of the one and the other. */
async function takeTurns([one, other]: [Execute, Execute], asked: WorkItem[]): Promise<[number, number][]> {
  const times: [number, number][] = [];
  // The first round has statements to prepare.
  for (let round = -1; round < ROUNDS; round++) {
    const taken: [number[], number[]] = [[], []];
    for (const [place, question] of asked.entries()) {
      // Turn by turn, so that neither has the caches for itself.
      for (const turn of place % 2 === 0 ? [0, 1] : [1, 0]) {
        const start = performance.now();
        await (turn === 0 ? one : other)(question);
        taken[turn as 0 | 1].push(performance.now() - start);
      }
    }
    if (round >= 0) times.push([median(taken[0]), median(taken[1])]);
  }
  return times;
}

async function timeOnConnection({ database }: Filled, operation: OperationName, asked: WorkItem[]) {
  const [secured, bare] = [new pg.Client(database.serverUrl), new pg.Client(database.bypassUrl)];
  await Promise.all([secured.connect(), bare.connect()]);
  try {
    const context = { name: 'context', text: readSettingsSql(TIMEOUTS) };
    await secured.query({ ...context, values: readSettingsValues({}) });
    const queryOf = ({ text, parameters }: HandWrittenStatement, question: WorkItem) => ({
      name: operation,
      text,
      values: parameters.map((name) => question[name as keyof WorkItem]),
      rowMode: 'array',
    });
    const [withTenant, without] = [true, false].map((own) => handWrittenStatement(operation, FULL, own)) as [
      HandWrittenStatement,
      HandWrittenStatement,
    ];
    const inContext: Execute = (question) =>
      new Promise((resolve, reject) => {
        const values = readSettingsValues({ tenantId: question.tenantId, userId: question.userId });
        secured.query(
          new PipelinedQuery(
            { name: context.name, text: context.text, values },
            [queryOf(without, question)],
            (error, results) => (error ? reject(error) : resolve(results?.[0])),
          ),
        );
      });
    const plainly: Execute = (question) => bare.query(queryOf(withTenant, question));
    const backends = await Promise.all([secured, bare].map(backendOf));
    const times = await onOneProcessor([process.pid, ...backends], () =>
      takeTurns([inContext, plainly], asked.slice(0, EXECUTIONS)),
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
