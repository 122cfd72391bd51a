import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished, vi } from 'vitest';
import { createLogger } from '../../../src/platform/lib/logger.ts';
import type { McpEndpoint, McpEndpointLimits } from '../../../src/platform/mcp-client/endpoint.ts';
import { McpCallError } from '../../../src/platform/mcp-client/errors.ts';
import { createMcpClient, type McpClient, type McpClientOptions } from '../../../src/platform/mcp-client/mcp-client.ts';

const everything = fileURLToPath(import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js'));
const filesystem = fileURLToPath(import.meta.resolve('@modelcontextprotocol/server-filesystem/dist/index.js'));
const scripted = fileURLToPath(new URL('./scripted-server.ts', import.meta.url));

const limits: McpEndpointLimits = { timeoutMs: 15_000, memoryMb: 400, concurrency: 4 };
let keys = 0;

/** A client that is closed when the test finishes. */
export function createClients(options: Partial<McpClientOptions> = {}): McpClient {
  const clients = createMcpClient({
    fetch,
    log: createLogger('silent'),
    idleMs: 60_000,
    maxConnections: 10,
    connectTimeoutMs: 20_000,
    maxResultBytes: 1_000_000,
    ...options,
  });
  onTestFinished(() => clients.close());
  return clients;
}

function nodeTarget(script: string, args: string[], { limits: some, ...rest }: TargetOptions): McpEndpoint {
  return {
    key: `key-${++keys}`,
    transport: 'STDIO',
    command: process.execPath,
    args: [script, ...args],
    limits: { ...limits, ...some },
    ...rest,
  };
}

export type TargetOptions = Partial<Omit<McpEndpoint, 'limits'>> & { limits?: Partial<McpEndpointLimits> };

export const everythingStdio = (options: TargetOptions = {}) => nodeTarget(everything, ['stdio'], options);
export const filesystemStdio = (folder: string, options: TargetOptions = {}) => nodeTarget(filesystem, [folder], options);

/** @param args the mode of scripted-server.ts and its options */
export const scriptedStdio = (args: string[] = [], options: TargetOptions = {}) => nodeTarget(scripted, args, options);

export function remote(transport: 'SSE' | 'STREAMABLE_HTTP', url: string, options: TargetOptions = {}): McpEndpoint {
  const { limits: some, ...rest } = options;
  return { key: `key-${++keys}`, transport, url, limits: { ...limits, ...some }, ...rest };
}

export interface EverythingServer {
  url: string;
  child: ChildProcess;
  /** Restarts the server on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the reference server in a separate process. */
export async function startEverything(transport: 'sse' | 'streamableHttp'): Promise<EverythingServer> {
  const port = await freePort();
  const start = async () => {
    const child = spawn(process.execPath, [everything, transport], {
      env: { PORT: String(port) },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let output = '';
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    await until(() => /listening on port|running on port/.test(output) || child.exitCode !== null);
    if (child.exitCode !== null) throw new Error(`The server did not start: ${output}`);
    return child;
  };
  const server: EverythingServer = {
    url: `http://127.0.0.1:${port}/${transport === 'sse' ? 'sse' : 'mcp'}`,
    child: await start(),
    async restart() {
      await server.stop();
      server.child = await start();
    },
    async stop() {
      if (server.child.exitCode !== null || server.child.signalCode !== null) return;
      const exited = once(server.child, 'exit');
      server.child.kill('SIGKILL');
      await exited;
    },
  };
  return server;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A folder that is removed when the test finishes. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'agentbase-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The environment of a scripted server: the journal of its messages, and the gate for which its tools wait. */
export async function scene() {
  const folder = await temporaryFolder();
  const journal = join(folder, 'journal');
  const gate = join(folder, 'gate');
  return {
    env: { JOURNAL: journal, GATE: gate },
    open: () => writeFile(gate, ''),
    async heard(method: string): Promise<{ method: string; params: { name?: string } }[]> {
      const lines = (await readFile(journal, 'utf8').catch(() => '')).split('\n').filter(Boolean);
      return lines.map((line) => JSON.parse(line)).filter((message) => message.method === method);
    },
  };
}

/** Returns the McpCallError that a call is rejected with. */
export async function failure(call: Promise<unknown>): Promise<McpCallError> {
  const error = await call.then(
    () => new Error('It succeeded.'),
    (reason: unknown) => reason,
  );
  if (error instanceof McpCallError) return error;
  throw error;
}

export interface Whereabouts {
  pid: number;
  cwd: string;
  env: Record<string, string>;
  mostAtOnce: number;
}

export async function whereabouts(clients: McpClient, target: McpEndpoint): Promise<Whereabouts> {
  return JSON.parse(textOf(await clients.callTool(target, { name: 'where' })));
}

export function textOf({ content }: { content: { type: string }[] }): string {
  return content.map((part) => ('text' in part ? part.text : '')).join('');
}

/** Whether a process runs. A zombie does not. */
export function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

/** Waits for a condition. The timeout is long for the sake of busy machines. */
export function until(check: () => unknown): Promise<unknown> {
  return vi.waitUntil(check, { timeout: 15_000, interval: 20 });
}
