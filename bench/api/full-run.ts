import { cpus } from 'node:os';
import type pg from 'pg';
import { checkResponses } from './cases/check.ts';
import { contentOf, OPERATIONS, type OperationName } from './cases/operations.ts';
import { makeWorkload, type Workload } from './cases/workload.ts';
import { SETTINGS, startCluster } from './fixtures/cluster.ts';
import { TENANTS } from './fixtures/dataset.ts';
import { measureEmbedded } from './measure/embedded.ts';
import { measureRlsOverhead } from './measure/rls-overhead.ts';
import { measureScaling } from './measure/scaling.ts';
import { type Contender, type Figures, figuresOf, interleave, type Meter, ratioOf, type Slice } from './measure/slices.ts';
import { countStatements } from './measure/statements.ts';
import type { ByColumn, ByOperation, Results } from './report/results.ts';
import {
  contendersOf,
  endpointOf,
  type Filled,
  fill,
  type Participant,
  refreshTokens,
  startMeter,
  startParticipants,
} from './servers/participants.ts';
import { type Column, POOL_SIZE } from './servers/start.ts';

export interface Plan {
  messages: number;
  smallMessages: number;
  rounds: number;
  sliceMs: number;
  log: (text: string) => void;
}

const COLUMNS: Column[] = ['agentbase', 'agentbase, JWT', 'PostGraphile', 'stock Pothos', 'hand-written SQL'];
const CONNECTIONS = 16;
const OTHER_CONNECTIONS = [1, 4, 64];
const TENANTS_CHECKED = 8;

/** A server returned a wrong response, so its figures mean nothing. */
export class WrongResponsesError extends Error {}

/** Runs all measurements on a private cluster and removes it. The order matters: appends change the databases. */
export async function runAll(plan: Plan): Promise<Results> {
  const { messages, smallMessages, rounds, sliceMs, log } = plan;
  const cluster = await startCluster();
  try {
    const large = await fill(cluster, 'large', messages);
    const small = await fill(cluster, 'small', smallMessages, large.secrets);
    log('databases filled');
    const counted = await countStatements(cluster, large, ['agentbase', 'postgraphile', 'stock-pothos', 'hand-written']);
    log('statements counted');
    const participants = await startParticipants(cluster, large, COLUMNS);
    const workload = makeWorkload(large.tenants);
    const wrong = await checkResponses(large.database.owner, participants.map(endpointOf), workload, TENANTS_CHECKED);
    if (wrong.length > 0) throw new WrongResponsesError(wrong.join('\n'));
    log('responses of all servers correct');
    const meter = startMeter(cluster);
    const { main, ratios } = await measureMain({ meter, participants, workload, large }, plan);
    const some = { rounds: Math.max(1, Math.ceil(rounds / 3)), sliceMs: sliceMs * 0.75 };
    const connections = await measureConnections(meter, participants, workload, main, some);
    log('connections measured');
    const server = (column: Column) => (participants.find((participant) => participant.column === column) as Participant).server;
    for (const column of ['PostGraphile', 'stock Pothos'] as const) await cluster.processes.end(server(column).pid);
    const most = { rounds, sliceMs: sliceMs * 0.6 };
    const rlsOverhead = await measureRlsOverhead(meter, large, server('hand-written SQL'), most);
    log('overhead of row-level security measured');
    // Before the appends to the small database: the embedded database is compared with it and must hold the same rows.
    const embedded = await measureEmbedded(cluster, meter, small, some);
    log('embedded mode measured');
    const scaling = await measureScaling(cluster, meter, small, { ...large, server: server('agentbase') }, most);
    const conditions = {
      ...{ messages: await countMessages(large), smallMessages: await countMessages(small), tenants: TENANTS },
      ...{ rounds, sliceMs, connections: CONNECTIONS, poolSize: POOL_SIZE },
      ...{ cores: cpus().length, node: process.versions.node, settings: SETTINGS },
    };
    return { conditions, main, ratios, statements: counted, connections, scaling, rlsOverhead, embedded };
  } finally {
    await cluster.stop();
  }
}

/** Excludes the messages that the benchmark appended. */
async function countMessages({ database }: Filled): Promise<number> {
  const { rows } = await database.owner.query<{ count: number }>({
    text: 'SELECT count(*)::integer AS count FROM messages WHERE content NOT LIKE $1',
    values: [`${contentOf('').slice(0, 40)}%`],
  });
  return rows[0]?.count ?? Number.NaN;
}

interface MainInput {
  meter: Meter;
  participants: Participant[];
  workload: Workload;
  large: Filled;
}

async function measureMain({ meter, participants, workload, large }: MainInput, { rounds, sliceMs, log }: Plan) {
  const main = {} as ByOperation<ByColumn<Figures>>;
  const ratios = {} as ByOperation<ByColumn<number>>;
  for (const { name, writes } of OPERATIONS) {
    await refreshTokens(participants, large);
    const contenders = contendersOf(participants, name, workload);
    const before = writes ? await countWritten(large.database.owner) : undefined;
    meter.answered = 0;
    const slices = await interleave(meter, contenders, { rounds, sliceMs, connections: CONNECTIONS });
    if (before) requireRowsWritten(before, await countWritten(large.database.owner), meter.answered);
    main[name] = byColumn(contenders, slices, figuresOf);
    const [agentbase = []] = slices;
    ratios[name] = byColumn(contenders, slices, (others) => ratioOf(agentbase, others, 'rps'));
    const shown = Object.entries(main[name]).map(([column, { rps }]) => `${column} ${Math.round(rps)}`);
    log(`${name}, requests per second: ${shown.join('; ')}`);
  }
  return { main, ratios };
}

function byColumn<Value>(contenders: Contender[], slices: Slice[][], of: (slices: Slice[]) => Value): ByColumn<Value> {
  return Object.fromEntries(contenders.map(({ name }, place) => [name, of(slices[place] ?? [])]));
}

async function measureConnections(
  meter: Meter,
  participants: Participant[],
  workload: Workload,
  main: Results['main'],
  timing: { rounds: number; sliceMs: number },
): Promise<Results['connections']> {
  const withKeys = participants.filter(({ column }) => column !== 'agentbase, JWT');
  const found = {} as Record<OperationName, ByColumn<Record<number, Figures>>>;
  for (const { name } of OPERATIONS) {
    const contenders = contendersOf(withKeys, name, workload);
    found[name] = Object.fromEntries(withKeys.map(({ column }) => [column, { [CONNECTIONS]: main[name][column] as Figures }]));
    for (const connections of OTHER_CONNECTIONS) {
      const slices = await interleave(meter, contenders, { ...timing, connections });
      withKeys.forEach(({ column }, place) => {
        (found[name][column] as Record<number, Figures>)[connections] = figuresOf(slices[place] ?? []);
      });
    }
  }
  return found;
}

interface Written {
  messages: number;
  events: number;
  audits: number;
}

async function countWritten(owner: pg.Pool): Promise<Written> {
  const { rows } = await owner.query<Written>(`
    SELECT (SELECT count(*)::integer FROM messages) AS messages, (SELECT count(*)::integer FROM conversation_events WHERE type = 'MESSAGE_APPENDED') AS events,
      (SELECT count(*)::integer FROM audit_logs WHERE action = 'message.created') AS audits`);
  return rows[0] as Written;
}

/** Each answered request must have written one row of each kind: none lost, none duplicated. */
function requireRowsWritten(before: Written, after: Written, answered: number): void {
  for (const kind of ['messages', 'events', 'audits'] as const) {
    const count = after[kind] - before[kind];
    if (count !== answered) throw new WrongResponsesError(`${answered} appends were answered, but ${count} ${kind} were written`);
  }
}
