import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { McpEndpoint } from '../endpoint.ts';
import { McpCallError } from '../errors.ts';

/** Time for a program to exit after SIGTERM. */
const GRACE_MS = 2_000;
/** Time to read remaining output after the program exits. */
const OUTPUT_GRACE_MS = 500;

const running = new Set<number>();
// Each program leads its own process group, so nothing else stops it when this process exits.
process.on('exit', () => {
  for (const pid of running) signalGroup(pid, 'SIGKILL');
});

/** Runs an MCP server's program in its own process group and an empty folder, with only the configured environment. */
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
      // Kills remaining child processes at once, because the system may reuse the group id later.
      signalGroup(pid, 'SIGKILL');
      running.delete(pid);
      // Processes that left the group may hold the other ends of the streams.
      setTimeout(() => child.stdio.forEach((stream) => void stream?.destroy()), OUTPUT_GRACE_MS).unref();
    });
  }

  /** @param path search path for `command`, in PATH format */
  static async start({ command, args = [], env }: McpEndpoint, path: string): Promise<ServerProcess> {
    if (!command) throw new McpCallError('UNREACHABLE', 'The configuration of the MCP server has no command.');
    const folder = await mkdtemp(join(tmpdir(), 'agentbase-mcp-'));
    try {
      const child = spawn(command, args, {
        cwd: folder,
        // Without HOME, the program would use the home of our own user.
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

  /** Stops the whole group: SIGTERM first, unless `now`, then SIGKILL. */
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
    // The group is empty. macOS reports EPERM until the parent has reaped the leader.
    if (!['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
