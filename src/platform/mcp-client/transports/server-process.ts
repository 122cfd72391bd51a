import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { McpEndpoint } from '../endpoint.ts';
import { McpCallError } from '../errors.ts';

/** How long a program may take to end by itself when it is told to. */
const GRACE_MS = 2_000;
/** What it wrote before its end is read for so long. */
const OUTPUT_GRACE_MS = 500;

const running = new Set<number>();
// They lead groups of their own, so nothing else ends them with us.
process.on('exit', () => {
  for (const pid of running) signalGroup(pid, 'SIGKILL');
});

/** The program of an MCP server: a process group of its own, an empty folder, and no environment but what it was given. */
export class ServerProcess {
  readonly child: ChildProcessWithoutNullStreams;
  readonly pid: number;
  readonly #folder: string;
  #stopping: Promise<void> | undefined;

  private constructor(child: ChildProcessWithoutNullStreams, pid: number, folder: string) {
    this.child = child;
    this.pid = pid;
    this.#folder = folder;
    running.add(pid);
    child.once('exit', () => {
      // What it started and left behind goes with it. At once: later the number may be somebody else's.
      signalGroup(pid, 'SIGKILL');
      running.delete(pid);
      // Whoever left the group may hold the other ends of the streams.
      setTimeout(() => child.stdio.forEach((stream) => void stream?.destroy()), OUTPUT_GRACE_MS).unref();
    });
  }

  /** @param path where `command` is looked for, as in PATH */
  static async start({ command, args = [], env }: McpEndpoint, path: string): Promise<ServerProcess> {
    if (!command) throw new McpCallError('UNREACHABLE', 'The MCP server has no command.');
    const folder = await mkdtemp(join(tmpdir(), 'agentbase-mcp-'));
    try {
      const child = spawn(command, args, {
        cwd: folder,
        // Without a home it would take that of the user we run as.
        env: { PATH: path, HOME: folder, TMPDIR: folder, ...env },
        shell: false,
        detached: true,
        windowsHide: true,
      });
      await once(child, 'spawn');
      return new ServerProcess(child, child.pid as number, folder);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      throw new McpCallError('UNREACHABLE', `The program of the MCP server ${missing ? 'was not found' : 'cannot be started'}.`);
    }
  }

  /** Ends the whole group, first politely unless `now`. */
  stop({ now = false } = {}): Promise<void> {
    if (now) this.#signal('SIGKILL');
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const exited = this.#exited ? Promise.resolve() : once(this.child, 'exit');
    this.child.stdin.end();
    this.#signal('SIGTERM');
    await Promise.race([exited, wait(GRACE_MS, undefined, { ref: false })]);
    this.#signal('SIGKILL');
    await exited;
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 3 });
  }

  get #exited(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  #signal(signal: NodeJS.Signals): void {
    if (!this.#exited) signalGroup(this.pid, signal);
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // Nobody is left in it. On a Mac that is EPERM while the leader has not been waited for.
    if (!['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
