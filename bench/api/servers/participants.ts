import { fileURLToPath } from 'node:url';
import { type BenchmarkTenants, makeSecrets, readBenchmarkTenants, type Secrets, signTokens } from '../fixtures/tenants.ts';
import type { Answerer } from '../cases/check.ts';
import type { BenchDatabase, Cluster } from '../fixtures/cluster.ts';
import type { Contender, Meter } from '../measure/slices.ts';
import type { OPERATIONS } from '../cases/operations.ts';
import { type Column, DIALECTS, type Program, type Server, startServer } from './start.ts';
import { requestsOf, type Workload } from '../cases/workload.ts';

/** A filled database and who may ask for what is in it. */
export interface Filled {
  database: BenchDatabase;
  world: BenchmarkTenants;
  secrets: Secrets;
}

export async function fill(cluster: Cluster, name: string, messages: number, secrets?: Secrets): Promise<Filled> {
  const database = await cluster.database(name, messages);
  const known = secrets ?? (await makeSecrets());
  return { database, world: await readBenchmarkTenants(database.owner, known), secrets: known };
}

const PROGRAM: Record<Column, Program> = {
  agentbase: 'agentbase',
  'agentbase, JWT': 'agentbase',
  PostGraphile: 'postgraphile',
  recipe: 'recipe',
  limit: 'limit',
};

export function startFor(cluster: Cluster, { database, secrets }: Filled, program: Program): Promise<Server> {
  const { serverUrl, bypassUrl } = database;
  return startServer(cluster.processes, { program, secrets, databaseUrl: serverUrl, bypassUrl });
}

export function startMeter(cluster: Cluster): Meter {
  return {
    load: cluster.processes.help(fileURLToPath(new URL('../measure/load.ts', import.meta.url))),
    postmaster: cluster.postmaster,
    answered: 0,
  };
}

/** A server with a way to prove who one is. */
export interface Entrant {
  column: Column;
  server: Server;
  credentials: string[];
}

/** Starts what the columns need, one server for the two columns of Agentbase. */
export async function enter(cluster: Cluster, filled: Filled, columns: Column[]): Promise<Entrant[]> {
  const servers = new Map<Program, Server>();
  const tokens = await signTokens(filled.world, filled.secrets);
  const keys = filled.world.map(({ apiKey }) => apiKey);
  const entrants: Entrant[] = [];
  for (const column of columns) {
    const program = PROGRAM[column];
    const server = servers.get(program) ?? (await startFor(cluster, filled, program));
    servers.set(program, server);
    entrants.push({ column, server, credentials: column === 'agentbase, JWT' ? tokens : keys });
  }
  return entrants;
}

export function answererOf({ column, server, credentials }: Entrant): Answerer {
  return { name: column, url: server.url, dialect: DIALECTS[server.program], credentials };
}

/** All entrants with one operation. */
export function contendersOf(
  entrants: Entrant[],
  operation: (typeof OPERATIONS)[number]['name'],
  questions: Workload,
): Contender[] {
  return entrants.map(({ column, server, credentials }) => ({
    name: column,
    server,
    operation,
    requests: requestsOf(DIALECTS[server.program], operation, questions[operation], credentials),
  }));
}

/** Tokens end after 15 minutes: gives new ones to who has some. */
export async function refreshTokens(entrants: Entrant[], { world, secrets }: Filled): Promise<void> {
  for (const entrant of entrants) if (entrant.column === 'agentbase, JWT') entrant.credentials = await signTokens(world, secrets);
}
