import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import type pg from 'pg';

/** A process of a bench itself, which answers what it is asked. */
export interface Helper {
  pid: number;
  /** Asks it for something, one thing at a time. */
  ask<Answer>(message: object): Promise<Answer>;
  /** What it says next by itself. */
  said<Answer>(): Promise<Answer>;
}

/** The processes a bench starts: none of them outlives it. */
export class Processes {
  readonly #children = new Set<ChildProcess>();

  /**
   * Starts a program and waits until it says that it is ready.
   * @param file what Node.js runs
   * @param ready a part of what it prints then
   * @returns its process id
   */
  async start(file: string, env: Record<string, string>, ready: string): Promise<number> {
    const child = spawn(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    this.#children.add(child);
    let said = '';
    while (!said.includes(ready)) {
      const [chunk] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
      if (child.exitCode !== null) throw new Error(`${file} ended:\n${said}`);
      said += chunk;
    }
    child.stdout.resume();
    return child.pid as number;
  }

  help(file: string): Helper {
    const child = fork(file, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'advanced' });
    this.#children.add(child);
    const said = async <Answer>() => {
      const over = new AbortController();
      const gone = once(child, 'exit', { signal: over.signal }).then(() => {
        throw new Error(`${file} ended`);
      });
      try {
        const [answer] = await Promise.race([once(child, 'message', { signal: over.signal }), gone]);
        return answer as Answer;
      } finally {
        over.abort();
        await gone.catch(() => {});
      }
    };
    return {
      pid: child.pid as number,
      said,
      ask<Answer>(message: object) {
        const answer = said<Answer>();
        child.send(message);
        return answer;
      },
    };
  }

  /** Ends one of them and waits until it is gone. */
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

/** The process id of the server behind a superuser's connection: the parent of its backends. */
export async function postmasterOf(owner: pg.Pool): Promise<number> {
  const { rows } = await owner.query<{ pid: string }>("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1) AS pid");
  return Number(rows[0]?.pid);
}

/** Memory a process has in use, in MiB. */
export function memoryOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes ?? Number.NaN) / 1024;
}
