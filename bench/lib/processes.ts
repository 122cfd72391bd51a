import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import type pg from 'pg';

/** A child process of the benchmark that handles messages. */
export interface Helper {
  pid: number;
  /** Sends a message and returns the reply. One request at a time. */
  request<Reply>(message: object): Promise<Reply>;
  /** Resolves with the next message that the process sends. */
  nextMessage<Message>(): Promise<Message>;
}

/** The processes that a benchmark starts. `stop` kills all of them. */
export class Processes {
  readonly #children = new Set<ChildProcess>();

  /**
   * Starts a program and waits until it is ready.
   * @param file the entry file for Node.js
   * @param ready text that the program prints when it is ready
   * @returns the process id
   */
  async start(file: string, env: Record<string, string>, ready: string): Promise<number> {
    const child = spawn(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    this.#children.add(child);
    let output = '';
    while (!output.includes(ready)) {
      const [chunk] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
      if (child.exitCode !== null) throw new Error(`${file} exited before it was ready:\n${output}`);
      output += chunk;
    }
    child.stdout.resume();
    return child.pid as number;
  }

  fork(file: string): Helper {
    const child = fork(file, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'advanced' });
    this.#children.add(child);
    const nextMessage = async <Message>() => {
      const settled = new AbortController();
      const exited = once(child, 'exit', { signal: settled.signal }).then(() => {
        throw new Error(`${file} exited`);
      });
      try {
        const [message] = await Promise.race([once(child, 'message', { signal: settled.signal }), exited]);
        return message as Message;
      } finally {
        settled.abort();
        await exited.catch(() => {});
      }
    };
    return {
      pid: child.pid as number,
      nextMessage,
      request<Reply>(message: object) {
        const reply = nextMessage<Reply>();
        child.send(message);
        return reply;
      },
    };
  }

  /** Kills a process and waits until it has exited. */
  async end(pid: number): Promise<void> {
    const child = [...this.#children].find((one) => one.pid === pid);
    if (!child) return;
    this.#children.delete(child);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  stop(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The process id of the postmaster, the parent of the backends. Needs a superuser. */
export async function postmasterOf(owner: pg.Pool): Promise<number> {
  const { rows } = await owner.query<{ pid: string }>("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1) AS pid");
  return Number(rows[0]?.pid);
}

/** Resident memory of a process in MiB. */
export function memoryOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes ?? Number.NaN) / 1024;
}
