import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const READY_WITHIN_MS = 30_000;

export interface ServerProcess {
  url: string;
  /** Ends the process and waits for its exit. */
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Starts the server on a free port with the given environment only. */
export async function startServer(env: Record<string, string>): Promise<ServerProcess> {
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env.PATH, NODE_ENV: 'test', PORT: '0', LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const killed = () => child.kill('SIGKILL');
  process.once('exit', killed);
  child.once('exit', () => process.off('exit', killed));
  const url = await addressOf(child).catch((error: unknown) => {
    killed();
    throw error;
  });
  return {
    url,
    async end(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill(signal);
      await exited;
    },
  };
}

function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    const late = setTimeout(() => reject(new Error(`the server did not start in time:\n${output}`)), READY_WITHIN_MS);
    const read = (chunk: Buffer) => {
      output += chunk;
      const url = /listens at (http:\S+)\/graphql/.exec(output)?.[1];
      if (url) finish(() => resolve(url));
    };
    const finish = (settle: () => void) => {
      clearTimeout(late);
      settle();
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('exit', () => finish(() => reject(new Error(`the server ended:\n${output}`))));
  });
}
