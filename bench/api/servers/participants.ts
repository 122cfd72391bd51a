import { fileURLToPath } from 'node:url';
import type { Endpoint } from '../cases/check.ts';
import type { OPERATIONS } from '../cases/operations.ts';
import { requestsOf, type Workload } from '../cases/workload.ts';
import type { BenchDatabase, Cluster } from '../fixtures/cluster.ts';
import { createSecrets, prepareTenants, type Secrets, signTokens, type TenantOwner } from '../fixtures/tenants.ts';
import type { Contender, Meter } from '../measure/slices.ts';
import { type Column, DIALECTS, type Program, type Server, startServer } from './start.ts';

/** A filled database with the owners of its tenants and the secrets of its servers. */
export interface Filled {
  database: BenchDatabase;
  tenants: TenantOwner[];
  secrets: Secrets;
}

export async function fill(cluster: Cluster, name: string, messages: number, secrets?: Secrets): Promise<Filled> {
  const database = await cluster.database(name, messages);
  const known = secrets ?? (await createSecrets());
  return { database, tenants: await prepareTenants(database.owner, known), secrets: known };
}

const PROGRAM: Record<Column, Program> = {
  agentbase: 'agentbase',
  'agentbase, JWT': 'agentbase',
  PostGraphile: 'postgraphile',
  'stock Pothos': 'stock-pothos',
  'hand-written SQL': 'hand-written',
};

export function startFor(cluster: Cluster, { database, secrets }: Filled, program: Program): Promise<Server> {
  const { serverUrl, bypassUrl } = database;
  return startServer(cluster.processes, { program, secrets, databaseUrl: serverUrl, bypassUrl });
}

export function startMeter(cluster: Cluster): Meter {
  return {
    load: cluster.processes.fork(fileURLToPath(new URL('../measure/load.ts', import.meta.url))),
    postmaster: cluster.postmaster,
    answered: 0,
  };
}

/** A running server with the credentials of one column. */
export interface Participant {
  column: Column;
  server: Server;
  credentials: string[];
}

/** Starts the servers of the columns. The two columns of Agentbase share one server. */
export async function startParticipants(cluster: Cluster, filled: Filled, columns: Column[]): Promise<Participant[]> {
  const servers = new Map<Program, Server>();
  const tokens = await signTokens(filled.tenants, filled.secrets);
  const keys = filled.tenants.map(({ apiKey }) => apiKey);
  const participants: Participant[] = [];
  for (const column of columns) {
    const program = PROGRAM[column];
    const server = servers.get(program) ?? (await startFor(cluster, filled, program));
    servers.set(program, server);
    participants.push({ column, server, credentials: column === 'agentbase, JWT' ? tokens : keys });
  }
  return participants;
}

export function endpointOf({ column, server, credentials }: Participant): Endpoint {
  return { name: column, url: server.url, dialect: DIALECTS[server.program], credentials };
}

/** The participants with the requests of one operation. */
export function contendersOf(
  participants: Participant[],
  operation: (typeof OPERATIONS)[number]['name'],
  workload: Workload,
): Contender[] {
  return participants.map(({ column, server, credentials }) => ({
    name: column,
    server,
    operation,
    requests: requestsOf(DIALECTS[server.program], operation, workload[operation], credentials),
  }));
}

/** Signs new access tokens, which expire after 15 minutes. */
export async function refreshTokens(participants: Participant[], { tenants, secrets }: Filled): Promise<void> {
  for (const participant of participants)
    if (participant.column === 'agentbase, JWT') participant.credentials = await signTokens(tenants, secrets);
}
