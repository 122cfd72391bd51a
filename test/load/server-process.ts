import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { testDatabase } from '../testkit/database.ts';
import type { EventLoopReport } from '../testkit/event-loop-probe.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const PROBE = new URL('../testkit/event-loop-probe.ts', import.meta.url).href;

export interface MeasuredServer {
  /** The URL of the GraphQL endpoint. */
  url: string;
  origin: string;
  pid: number;
  /** What the event loop of the server does while `work` runs. */
  measure(work: () => Promise<unknown>): Promise<EventLoopReport>;
  close(): Promise<void>;
}

async function reply<T>(child: ChildProcess): Promise<T> {
  const [message] = (await once(child, 'message')) as [T];
  return message;
}

/** Starts a server process on PostgreSQL that reports the delays of its event loop. */
export async function startMeasuredServer(env: Record<string, string> = {}): Promise<MeasuredServer> {
  const { urls } = await testDatabase();
  if (!urls) throw new Error('the embedded database works on the event loop of the server: measure on PostgreSQL');
  const child = fork(MAIN, [], {
    execArgv: ['--import', PROBE],
    env: {
      PATH: process.env.PATH ?? '',
      NODE_ENV: 'test',
      PORT: '0',
      LOG_LEVEL: 'silent',
      DATABASE_URL: urls.server,
      RATE_LIMIT_ANONYMOUS_PER_MINUTE: '1000000',
      RATE_LIMIT_PER_MINUTE: '1000000',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const greeting = await new Promise<string>((resolve, reject) => {
    let printed = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
      if (/http:\/\/[^\s/]+/.test(printed)) resolve(printed);
    });
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${printed}`)));
  });
  const origin = /http:\/\/[^\s/]+/.exec(greeting)?.[0] ?? '';
  return {
    origin,
    url: `${origin}/graphql`,
    pid: child.pid ?? 0,
    async measure(work) {
      const started = reply(child);
      child.send('start');
      await started;
      await work();
      const report = reply<EventLoopReport>(child);
      child.send('stop');
      return report;
    },
    async close() {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}
