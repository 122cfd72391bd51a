import { cpus } from 'node:os';
import type pg from 'pg';
import { checkAnswers } from './cases/check.ts';
import { SETTINGS, startCluster } from './fixtures/cluster.ts';
import { TENANTS } from './fixtures/dataset.ts';
import { measureEmbedded } from './measure/embedded.ts';
import { type Contender, type Figures, figuresOf, interleave, type Meter, ratioOf, type Slice } from './measure/slices.ts';
import { contentOf, OPERATIONS, type OperationName } from './cases/operations.ts';
import type { ByColumn, ByOperation, Results } from './report/results.ts';
import { measureRlsOverhead } from './measure/rls-overhead.ts';
import { answererOf, contendersOf, type Entrant, enter, type Filled, fill, refreshTokens, startMeter } from './servers/participants.ts';
import { measureScaling } from './measure/scaling.ts';
import { type Column, POOL_SIZE } from './servers/start.ts';
import { countStatements } from './measure/statements.ts';
import { makeWorkload, type Workload } from './cases/workload.ts';

export interface Plan {
  messages: number;
  smallMessages: number;
  rounds: number;
  sliceMs: number;
  say: (text: string) => void;
}

const COLUMNS: Column[] = ['agentbase', 'agentbase, JWT', 'PostGraphile', 'recipe', 'limit'];
const CONNECTIONS = 16;
const OTHER_CONNECTIONS = [1, 4, 64];
const TENANTS_CHECKED = 8;

/** Fails where an answer is wrong: figures of wrong answers would be worth nothing. */
export class WrongAnswersError extends Error {}

/** The whole bench, in the order that its parts need. Nothing of it is left behind. */
export async function runAll(plan: Plan): Promise<Results> {
  const { messages, smallMessages, rounds, sliceMs, say } = plan;
  const cluster = await startCluster();
  try {
    const large = await fill(cluster, 'large', messages);
    const small = await fill(cluster, 'small', smallMessages, large.secrets);
    say('the databases are filled');
    const counted = await countStatements(cluster, large, ['agentbase', 'postgraphile', 'recipe', 'limit']);
    say('statements are counted');
    const entrants = await enter(cluster, large, COLUMNS);
    const questions = makeWorkload(large.world);
    const wrong = await checkAnswers(large.database.owner, entrants.map(answererOf), questions, TENANTS_CHECKED);
    if (wrong.length > 0) throw new WrongAnswersError(wrong.join('\n'));
    say('the answers of all are right');
    const meter = startMeter(cluster);
    const { main, ratios } = await measureMain({ meter, entrants, questions, large }, plan);
    const some = { rounds: Math.max(1, Math.ceil(rounds / 3)), sliceMs: sliceMs * 0.75 };
    const connections = await measureConnections(meter, entrants, questions, main, some);
    say('connections are measured');
    const server = (column: Column) => (entrants.find((entrant) => entrant.column === column) as Entrant).server;
    for (const column of ['PostGraphile', 'recipe'] as const) await cluster.processes.end(server(column).pid);
    const most = { rounds, sliceMs: sliceMs * 0.6 };
    const price = await measureRlsOverhead(meter, large, server('limit'), most);
    say('the price of row security is measured');
    // Before anything is appended to the small database: both of its copies must be the same.
    const embedded = await measureEmbedded(cluster, meter, small, some);
    say('the embedded mode is measured');
    const growth = await measureScaling(cluster, meter, small, { ...large, server: server('agentbase') }, most);
    const how = {
      ...{ messages: await countMessages(large), smallMessages: await countMessages(small), tenants: TENANTS },
      ...{ rounds, sliceMs, connections: CONNECTIONS, poolSize: POOL_SIZE },
      ...{ cores: cpus().length, node: process.versions.node, settings: SETTINGS },
    };
    return { how, main, ratios, statements: counted, connections, growth, price, embedded };
  } finally {
    await cluster.stop();
  }
}

/** Without those that the bench has appended. */
async function countMessages({ database }: Filled): Promise<number> {
  const { rows } = await database.owner.query<{ count: number }>({
    text: 'SELECT count(*)::integer AS count FROM messages WHERE content NOT LIKE $1',
    values: [`${contentOf('').slice(0, 40)}%`],
  });
  return rows[0]?.count ?? Number.NaN;
}

interface Race {
  meter: Meter;
  entrants: Entrant[];
  questions: Workload;
  large: Filled;
}

async function measureMain({ meter, entrants, questions, large }: Race, { rounds, sliceMs, say }: Plan) {
  const main = {} as ByOperation<ByColumn<Figures>>;
  const ratios = {} as ByOperation<ByColumn<number>>;
  for (const { name, writes } of OPERATIONS) {
    await refreshTokens(entrants, large);
    const contenders = contendersOf(entrants, name, questions);
    const before = writes ? await written(large.database.owner) : undefined;
    meter.answered = 0;
    const slices = await interleave(meter, contenders, { rounds, sliceMs, connections: CONNECTIONS });
    if (before) requireWritten(before, await written(large.database.owner), meter.answered);
    main[name] = byColumn(contenders, slices, figuresOf);
    const [agentbase = []] = slices;
    ratios[name] = byColumn(contenders, slices, (others) => ratioOf(agentbase, others, 'rps'));
    const shown = Object.entries(main[name]).map(([column, { rps }]) => `${column} ${Math.round(rps)}`);
    say(`${name}, requests a second: ${shown.join('; ')}`);
  }
  return { main, ratios };
}

function byColumn<Value>(contenders: Contender[], slices: Slice[][], of: (slices: Slice[]) => Value): ByColumn<Value> {
  return Object.fromEntries(contenders.map(({ name }, place) => [name, of(slices[place] ?? [])]));
}

async function measureConnections(
  meter: Meter,
  entrants: Entrant[],
  questions: Workload,
  main: Results['main'],
  timing: { rounds: number; sliceMs: number },
): Promise<Results['connections']> {
  const withKeys = entrants.filter(({ column }) => column !== 'agentbase, JWT');
  const found = {} as Record<OperationName, ByColumn<Record<number, Figures>>>;
  for (const { name } of OPERATIONS) {
    const contenders = contendersOf(withKeys, name, questions);
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

async function written(owner: pg.Pool): Promise<Written> {
  const { rows } = await owner.query<Written>(`
    SELECT (SELECT count(*)::integer FROM messages) AS messages, (SELECT count(*)::integer FROM conversation_events WHERE type = 'MESSAGE_APPENDED') AS events,
      (SELECT count(*)::integer FROM audit_logs WHERE action = 'message.created') AS audits`);
  return rows[0] as Written;
}

/** As many of each as requests were answered: nothing is lost, and nothing twice. */
function requireWritten(before: Written, after: Written, answered: number): void {
  for (const what of ['messages', 'events', 'audits'] as const) {
    const count = after[what] - before[what];
    if (count !== answered) throw new WrongAnswersError(`${answered} messages were appended, and ${count} ${what} written`);
  }
}
