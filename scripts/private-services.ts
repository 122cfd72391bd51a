/**
 * Real PostgreSQL, Redis and PgBouncer for tests and for trying things out, without Docker: each on a free
 * port of 127.0.0.1, with its files in a temporary folder, so that it may be killed and thrown away.
 * `scripts/install-services.sh` installs the programs.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import {
  accessSync,
  chownSync,
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { constants as os, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';

export interface PrivateService {
  readonly port: number;
  /** SIGKILL, as a crash would: resolves when the process and its children are gone. The files stay. */
  kill(): Promise<void>;
  /** Starts again on the same port and files, after an orderly stop when it still runs. */
  restart(): Promise<void>;
  /** Stops and removes every file. Safe to call twice. */
  stop(): Promise<void>;
}

export interface PrivatePostgres extends PrivateService {
  /** @default database 'postgres', user 'postgres' (a superuser; every role logs in without a password) */
  url(database?: string, user?: string): string;
}

export interface PrivateRedis extends PrivateService {
  readonly url: string;
}

export interface PrivatePgbouncer extends PrivateService {
  /** Any database and any login role of the cluster behind it, also those created later. */
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
    // Only a crash of the machine could tell the difference. synchronous_commit stays on: what was
    // committed must outlive a killed process.
    fsync: 'off',
    shared_buffers: '64MB',
    max_connections: '300',
    // Files in the data folder instead of /dev/shm, where a killed cluster would leave them behind.
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

/** Debian 12 has PgBouncer 1.18, which knows no prepared statements in transaction mode: the strictest case. */
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
    // Seconds until it tries a database again that was down; the default is 15.
    server_login_retry: '1',
    ignore_startup_parameters: 'extra_float_digits',
    admin_users: 'postgres',
    ...options.settings,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
  // Logins that are not in the file are looked up in the cluster as auth_user.
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

interface Account {
  uid: number;
  gid: number;
}

interface Definition {
  name: string;
  folder: string;
  account?: Account | undefined;
  /** Done once, before the first start. */
  prepare?: () => Promise<unknown>;
  command: readonly string[];
  /** Asks for an orderly stop. */
  stopSignal: NodeJS.Signals;
  /** Ends it at once, together with its children. */
  abortSignal: NodeJS.Signals;
  /** One attempt at using the service; throws until it is ready. */
  probe: () => Promise<void>;
  /** Frees what is left outside the folder after a kill. */
  release?: () => void;
}

const readyWithinMs = 30_000;
const stoppedWithinMs = 10_000;

async function start(definition: Definition): Promise<Omit<PrivateService, 'port'>> {
  const log = join(definition.folder, 'log');
  let child: ChildProcess | undefined;
  let exited: Promise<void> = Promise.resolve();
  let stopping: Promise<void> | undefined;
  const isRunning = () => child?.pid !== undefined && child.exitCode === null && child.signalCode === null;

  async function launch(): Promise<void> {
    if (stopping) throw new Error(`${definition.name} was stopped and its files are gone`);
    const [file = '', ...args] = withParentDeathSignal(definition.command, definition.abortSignal);
    const output = openSync(log, 'a');
    // Its own process group: Ctrl-C reaches only us, and we stop it in order.
    const started = spawn(file, args, {
      ...definition.account,
      cwd: definition.folder,
      detached: true,
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    started.unref();
    child = started;
    exited = new Promise((resolve) => {
      started.once('exit', () => resolve());
      started.once('error', () => resolve());
    });
    const deadline = Date.now() + readyWithinMs;
    for (;;) {
      try {
        await definition.probe();
        if (isRunning()) return;
      } catch (error) {
        if (isRunning() && Date.now() < deadline) {
          await delay(50);
          continue;
        }
        throw new Error(`${definition.name} did not start:\n${tail(log)}`, { cause: error });
      }
      throw new Error(`${definition.name} did not start, and something else has its port:\n${tail(log)}`);
    }
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (!child?.pid || !isRunning()) return;
    // When the postmaster is killed its children notice by themselves, unless they are busy.
    const children = childrenOf(child.pid);
    child.ref();
    child.kill(signal);
    const late = setTimeout(() => child?.kill('SIGKILL'), stoppedWithinMs);
    await exited;
    clearTimeout(late);
    await waitUntilGone(children, signal === 'SIGKILL' ? 1_000 : stoppedWithinMs);
  }

  async function stop(): Promise<void> {
    await end(definition.stopSignal);
    definition.release?.();
    rmSync(definition.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    forget();
  }

  const forget = cleanUpOnExit(() => {
    if (child?.pid && isRunning()) {
      const children = childrenOf(child.pid);
      child.kill(definition.abortSignal);
      waitUntilGoneSync([child.pid, ...children]);
    }
    definition.release?.();
    rmSync(definition.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  });
  const service = {
    kill: () => end('SIGKILL'),
    restart: async () => {
      await end(definition.stopSignal);
      await launch();
    },
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
  try {
    await definition.prepare?.();
    await launch();
  } catch (error) {
    await service.stop();
    throw error;
  }
  return service;
}

const cleanups = new Set<() => void>();

/** Runs `cleanup` when the process exits or is told to by a signal; returns a function that takes it back. */
function cleanUpOnExit(cleanup: () => void): () => void {
  if (cleanups.size === 0) {
    process.on('exit', runCleanups);
    for (const signal of exitSignals) process.on(signal, exitBySignal);
  }
  cleanups.add(cleanup);
  return () => {
    cleanups.delete(cleanup);
    if (cleanups.size > 0) return;
    process.off('exit', runCleanups);
    for (const signal of exitSignals) process.off(signal, exitBySignal);
  };
}

const exitSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function runCleanups(): void {
  for (const cleanup of [...cleanups].reverse()) cleanup();
  cleanups.clear();
}

function exitBySignal(signal: NodeJS.Signals): void {
  process.off(signal, exitBySignal);
  // Whoever else listens decides how and when the process ends; 'exit' cleans up then.
  if (process.listenerCount(signal) > 0) return;
  process.exit(128 + os.signals[signal]);
}

/** A parent that is killed cannot clean up. On Linux the kernel then ends its services (not their folders). */
function withParentDeathSignal(command: readonly string[], signal: NodeJS.Signals): readonly string[] {
  const setpriv = findProgram('setpriv');
  const prefix = setpriv ? [setpriv, '--pdeathsig', signal.replace('SIG', '')] : [];
  // Other implementations of setpriv lack the option.
  const works = prefix[0] !== undefined && spawnSync(prefix[0], [...prefix.slice(1), 'true']).status === 0;
  return works ? [...prefix, ...command] : command;
}

/** None where there is no /proc. */
function childrenOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return children === '' ? [] : children.split(' ').map(Number);
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    // A zombie holds nothing any more; its parent may be a container's init that never reaps.
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return process.platform !== 'linux';
  }
}

async function waitUntilGone(pids: readonly number[], withinMs: number): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (pids.some(isAlive) && Date.now() < deadline) await delay(10);
  killAll(pids.filter(isAlive));
}

function waitUntilGoneSync(pids: readonly number[]): void {
  const deadline = Date.now() + stoppedWithinMs;
  const never = new Int32Array(new SharedArrayBuffer(4));
  while (pids.some(isAlive) && Date.now() < deadline) Atomics.wait(never, 0, 0, 10);
  killAll(pids.filter(isAlive));
}

function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
  }
}

/** PostgreSQL holds one System V segment as a lock, named in the postmaster.pid that only a crash leaves. */
function removeSharedMemory(data: string): void {
  try {
    const segment = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[6]?.trim().split(/\s+/)[1];
    if (segment) spawnSync('ipcrm', ['-m', segment]);
  } catch {
    // It was stopped in order, or never started.
  }
}

function tail(file: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-30).join('\n');
  } catch {
    return '(it left no log)';
  }
}

async function selectOne(connectionString: string): Promise<void> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 2_000, query_timeout: 2_000 });
  // A server that goes away in between rejects the query as well.
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
    socket.once('timeout', () => finish(new Error('no answer to PING')));
    socket.once('close', () => finish(new Error('the connection was closed')));
    socket.once('error', finish);
  });
}

/**
 * Below the range from which the system takes the ports of outgoing connections, so that the port is still
 * free when a killed service comes back.
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

/** PostgreSQL and PgBouncer refuse to run as root: the account their packages create, or ours if we are not root. */
function serverAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const read = (flag: string) => spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout?.trim();
  const [uid, gid] = [read('-u'), read('-g')];
  return uid && gid ? { uid: Number(uid), gid: Number(gid) } : missing('the account postgres');
}

function missing(what: string): never {
  throw new Error(`${what} was not found on this machine: scripts/install-services.sh installs it (on Debian)`);
}

function findProgram(name: string, folders = programFolders()): string | undefined {
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** Debian keeps daemons in sbin folders, which are not on everybody's PATH. */
function programFolders(): string[] {
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...path, '/usr/local/sbin', '/usr/sbin', '/usr/local/bin', '/usr/bin'];
}

/** The folder with `initdb` and `postgres`; of several installed versions the one of `pg_config`, else the newest. */
function postgresFolder(): string | undefined {
  const configured = spawnSync('pg_config', ['--bindir'], { encoding: 'utf8' }).stdout?.trim();
  const candidates = [...(configured ? [configured] : []), ...debianPostgresFolders(), ...programFolders()];
  return candidates.find((folder) => isExecutable(join(folder, 'initdb')) && isExecutable(join(folder, 'postgres')));
}

function debianPostgresFolders(): string[] {
  const root = '/usr/lib/postgresql';
  try {
    const versions = readdirSync(root).map(Number).filter(Number.isInteger);
    return versions.sort((a, b) => b - a).map((version) => join(root, String(version), 'bin'));
  } catch {
    return [];
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
