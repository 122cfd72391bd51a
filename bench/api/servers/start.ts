import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { freePort, type Processes } from '../../lib/processes.ts';
import { agentbase, type Dialect, handWritten, postgraphile, stockPothos } from '../cases/operations.ts';
import type { Secrets } from '../fixtures/tenants.ts';

export const POOL_SIZE = 16;

/** A column of the report: a server and a kind of credential. */
export type Column = 'agentbase' | 'agentbase, JWT' | 'PostGraphile' | 'stock Pothos' | 'hand-written SQL';
export type Program = 'agentbase' | 'postgraphile' | 'stock-pothos' | 'hand-written';

export const DIALECTS: Record<Program, Dialect> = {
  agentbase,
  postgraphile,
  'stock-pothos': stockPothos,
  'hand-written': handWritten,
};

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const FILES: Record<Program, string> = {
  agentbase: file('../../../src/main.ts'),
  postgraphile: file('../postgraphile/server.ts'),
  'stock-pothos': file('./stock-pothos.ts'),
  'hand-written': file('./hand-written.ts'),
};

export const POSTGRAPHILE_FOLDER = file('../postgraphile');

export function isPostgraphileInstalled(): boolean {
  return existsSync(file('../postgraphile/node_modules/postgraphile'));
}

export interface Server {
  program: Program;
  pid: number;
  url: string;
}

export interface ServerOptions {
  program: Program;
  secrets: Secrets;
  databaseUrl: string;
  /** Database login without row-level security, for hand-written SQL only. */
  bypassUrl?: string;
  /** Database for notices and jobs, if not `databaseUrl`. */
  listenUrl?: string;
}

/** Starts a server with the settings of production. */
export async function startServer(processes: Processes, options: ServerOptions): Promise<Server> {
  const { program, secrets, databaseUrl, bypassUrl, listenUrl } = options;
  const port = await freePort();
  const environment = {
    PATH: process.env.PATH ?? '',
    NODE_ENV: 'production',
    GRAPHILE_ENV: 'production',
    PORT: String(port),
    PUBLIC_URL: secrets.issuer,
    DATABASE_URL: databaseUrl,
    DATABASE_POOL_SIZE: String(POOL_SIZE),
    AUTH_KEYS: secrets.authKeys,
    SEALING_KEYS: secrets.sealingKeys,
    API_KEY_PEPPER: secrets.pepper,
    RATE_LIMIT_PER_MINUTE: '100000000',
    RATE_LIMIT_ANONYMOUS_PER_MINUTE: '100000000',
    AGENTBASE_DATA_DIR: 'memory://',
    // Suppresses the warning of pg about overlapping queries of Prisma in a transaction.
    NODE_NO_WARNINGS: '1',
    ...(bypassUrl ? { BYPASS_URL: bypassUrl } : {}),
    ...(listenUrl ? { DATABASE_LISTEN_URL: listenUrl } : {}),
  };
  const pid = await processes.start(FILES[program], environment, 'listens at');
  return { program, pid, url: `http://127.0.0.1:${port}/graphql` };
}

/** Starts Agentbase in the embedded mode over a filled data folder. */
export async function startEmbedded(processes: Processes, secrets: Secrets, folder: string): Promise<Server> {
  const port = await freePort();
  const environment = {
    PATH: process.env.PATH ?? '',
    PORT: String(port),
    PUBLIC_URL: secrets.issuer,
    LOG_LEVEL: 'warn',
    AUTH_KEYS: secrets.authKeys,
    SEALING_KEYS: secrets.sealingKeys,
    API_KEY_PEPPER: secrets.pepper,
    RATE_LIMIT_PER_MINUTE: '100000000',
    RATE_LIMIT_ANONYMOUS_PER_MINUTE: '100000000',
    AGENTBASE_DATA_DIR: folder,
    SEED_DEMO: 'false',
  };
  const pid = await processes.start(FILES.agentbase, environment, 'listens at');
  return { program: 'agentbase', pid, url: `http://127.0.0.1:${port}/graphql` };
}
