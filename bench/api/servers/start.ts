import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { freePort, type Processes } from '../../lib/processes.ts';
import type { Secrets } from '../fixtures/tenants.ts';
import { agentbase, type Dialect, limit, postgraphile, recipe } from '../cases/operations.ts';

export const POOL_SIZE = 16;

/** A column of the tables. */
export type Column = 'agentbase' | 'agentbase, JWT' | 'PostGraphile' | 'recipe' | 'limit';
export type Program = 'agentbase' | 'postgraphile' | 'recipe' | 'limit';

export const DIALECTS: Record<Program, Dialect> = { agentbase, postgraphile, recipe, limit };

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const FILES: Record<Program, string> = {
  agentbase: file('../../../src/main.ts'),
  postgraphile: file('../postgraphile/server.ts'),
  recipe: file('./stock-pothos.ts'),
  limit: file('./hand-written.ts'),
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
  /** Where row security does not hold: for the limit alone. */
  bypassUrl?: string;
  /** Where it listens for wake-ups and queues its jobs, if not there. */
  listenUrl?: string;
}

/** Starts one of the servers as it would run in production. */
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
    // pg says of Prisma's queries in a transaction that they overlap, each time a server starts.
    NODE_NO_WARNINGS: '1',
    ...(bypassUrl ? { BYPASS_URL: bypassUrl } : {}),
    ...(listenUrl ? { DATABASE_LISTEN_URL: listenUrl } : {}),
  };
  const pid = await processes.start(FILES[program], environment, 'listens at');
  return { program, pid, url: `http://127.0.0.1:${port}/graphql` };
}

/** Agentbase in its embedded mode, over a folder that holds a filled database. */
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
