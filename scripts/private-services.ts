/**
 * Starts PostgreSQL, Redis and PgBouncer for tests, without Docker. Each listens on a free port of
 * 127.0.0.1 and has its files in a temporary folder.
 * `scripts/install-services.sh` installs the programs.
 */
import { execFile, spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { findProgram, postgresFolder } from './programs.ts';
import type { PrivateService } from './supervise.ts';
import { type Account, removeSharedMemory, start } from './supervise.ts';

export interface PrivatePostgres extends PrivateService {
  /** Roles log in without a password. @default database 'postgres', user 'postgres' (a superuser) */
  url(database?: string, user?: string): string;
}

export interface PrivateRedis extends PrivateService {
  readonly url: string;
}

export interface PrivatePgbouncer extends PrivateService {
  /** URL for any database and login role of the cluster, including those created later. */
  url(database?: string, user?: string): string;
}

type Program = 'postgres' | 'redis' | 'pgbouncer';

export function isInstalled(program: Program): boolean {
  if (program === 'postgres') return postgresFolder() !== undefined;
  return findProgram(program === 'redis' ? 'redis-server' : 'pgbouncer') !== undefined;
}

export async function startPostgres(options: { settings?: Record<string, string> } = {}): Promise<PrivatePostgres> {
  const bin = postgresFolder() ?? missing('initdb');
  const account = serverAccount();
  const folder = makeFolder('postgres', account);
  const data = join(folder, 'data');
  const initdb = ['-D', data, '-A', 'trust', '-U', 'postgres', '--no-sync', '-E', 'UTF8', '--locale=C.UTF-8'];
  const port = await freePort();
  const settings = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    // fsync matters only in a crash of the machine. synchronous_commit stays on, because commits must
    // survive a killed process.
    fsync: 'off',
    shared_buffers: '64MB',
    max_connections: '300',
    // Shared memory in files of the data folder: in /dev/shm it would remain after the cluster is killed.
    dynamic_shared_memory_type: 'mmap',
    timezone: 'UTC',
    ...options.settings,
  };
  const url = (database = 'postgres', user = 'postgres') => postgresUrl(port, database, user);
  const service = await start({
    name: 'PostgreSQL',
    folder,
    account,
    prepare: () => promisify(execFile)(join(bin, 'initdb'), initdb, { ...account, cwd: folder }),
    command: [
      join(bin, 'postgres'),
      ...['-D', data],
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    stopSignal: 'SIGINT',
    abortSignal: 'SIGQUIT',
    probe: () => selectOne(url()),
    release: () => removeSharedMemory(data),
  });
  return { ...service, port, url };
}

export async function startRedis(): Promise<PrivateRedis> {
  const program = findProgram('redis-server') ?? missing('redis-server');
  const folder = makeFolder('redis');
  const port = await freePort();
  const service = await start({
    name: 'Redis',
    folder,
    command: [
      program,
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder],
      ...['--save', '', '--appendonly', 'no'],
    ],
    stopSignal: 'SIGTERM',
    abortSignal: 'SIGKILL',
    probe: () => ping(port),
  });
  return { ...service, port, url: `redis://127.0.0.1:${port}` };
}

/** Debian 12 has PgBouncer 1.18, which does not support prepared statements in transaction mode: the strictest case. */
export async function startPgbouncer(
  postgres: Pick<PrivatePostgres, 'port'>,
  options: { poolMode?: 'transaction' | 'session'; settings?: Record<string, string> } = {},
): Promise<PrivatePgbouncer> {
  const program = findProgram('pgbouncer') ?? missing('pgbouncer');
  const account = serverAccount();
  const folder = makeFolder('pgbouncer', account);
  const port = await freePort();
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: String(port),
    unix_socket_dir: '',
    auth_type: 'trust',
    auth_file: join(folder, 'users.txt'),
    pool_mode: options.poolMode ?? 'transaction',
    max_client_conn: '500',
    default_pool_size: '20',
    // Seconds between connection attempts to a failed database; the default is 15.
    server_login_retry: '1',
    ignore_startup_parameters: 'extra_float_digits',
    admin_users: 'postgres',
    ...options.settings,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
  // PgBouncer reads the passwords of other logins from the cluster as auth_user.
  const databases = `* = host=127.0.0.1 port=${postgres.port} auth_user=postgres`;
  const file = join(folder, 'pgbouncer.ini');
  writeFileSync(file, ['[databases]', databases, '[pgbouncer]', ...lines, ''].join('\n'));
  writeFileSync(settings.auth_file, '"postgres" ""\n');
  const url = (database = 'postgres', user = 'postgres') => postgresUrl(port, database, user);
  const service = await start({
    name: 'PgBouncer',
    folder,
    account,
    command: [program, file],
    stopSignal: 'SIGTERM',
    abortSignal: 'SIGKILL',
    probe: () => selectOne(url()),
  });
  return { ...service, port, url };
}

async function selectOne(connectionString: string): Promise<void> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 2_000, query_timeout: 2_000 });
  // Also rejects if the server stops during the query.
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('SELECT 1');
  } finally {
    await client.end().catch(() => {});
  }
}

function ping(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 2_000 }, () => socket.write('PING\r\n'));
    const finish = (error?: Error) => {
      socket.destroy();
      if (error) reject(error);
      else resolve();
    };
    socket.once('data', (reply) => finish(String(reply) === '+PONG\r\n' ? undefined : new Error(String(reply))));
    socket.once('timeout', () => finish(new Error('no response to PING')));
    socket.once('close', () => finish(new Error('the connection was closed')));
    socket.once('error', finish);
  });
}

/**
 * Returns a port below the ephemeral range. Outgoing connections do not use it, so it is still free when a
 * killed service restarts.
 */
async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
  throw new Error('no free port between 20000 and 32000');
}

function postgresUrl(port: number, database: string, user: string): string {
  return `postgres://${encodeURIComponent(user)}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
}

function makeFolder(name: string, account?: Account): string {
  // The path of a Unix socket may have 107 bytes.
  const parent = tmpdir().length > 60 ? '/tmp' : tmpdir();
  const folder = mkdtempSync(join(parent, `agentbase-${name}-`));
  if (account) chownSync(folder, account.uid, account.gid);
  return folder;
}

/** PostgreSQL and PgBouncer refuse to run as root. As root, returns the account of their packages. */
function serverAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const read = (flag: string) => spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout?.trim();
  const [uid, gid] = [read('-u'), read('-g')];
  return uid && gid ? { uid: Number(uid), gid: Number(gid) } : missing('the account postgres');
}

function missing(what: string): never {
  throw new Error(`${what} was not found: run scripts/install-services.sh to install it (on Debian)`);
}
