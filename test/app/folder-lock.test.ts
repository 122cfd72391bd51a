import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { type FolderLockOptions, type LockHolder, lockFolder } from '../../src/app/folder-lock.ts';

const MODULE = new URL('../../src/app/folder-lock.ts', import.meta.url).href;
const isolate = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
const canIsolate = spawnSync(isolate[0] as string, [...isolate.slice(1), 'true']).status === 0;

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agentbase-lock-'));
  file = join(folder, 'lock');
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
});

const lock = async (options: Partial<FolderLockOptions> = {}) => {
  const release = await lockFolder(folder, { onLost: () => {}, renewMs: 50, staleMs: 1_000, ...options });
  onTestFinished(release);
  return release;
};
const holder = () => JSON.parse(readFileSync(file, 'utf8')) as LockHolder;

/** The holder of a lock on this machine or another one. */
function write(change: Partial<LockHolder>): void {
  const own = { host: hostname(), boot: 'of another machine', pid: 1, started: new Date().toISOString(), id: 'another' };
  writeFileSync(file, JSON.stringify({ ...own, ...change }));
}

/** A process that takes the lock, prints `locked` or the error, and waits. */
async function another(prefix: string[] = []): Promise<{ child: ChildProcess; output: string }> {
  const program = `const { lockFolder } = await import('${MODULE}');
    await lockFolder('${folder}', { onLost() {} }).then(() => console.log('locked'), ({ message }) => console.log(message));
    setInterval(() => {}, 1000);`;
  const [command = process.execPath, ...args] = [...prefix, process.execPath, '--input-type=module', '-e', program];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [chunk] = await once(child.stdout, 'data');
  return { child, output: String(chunk).trim() };
}

test('names host, kernel and start of its process, and is removed on release', async () => {
  const release = await lock();
  expect(holder()).toMatchObject({ host: hostname(), pid: process.pid, started: expect.stringMatching(/^\d{4}-/) });
  if (process.platform === 'linux') expect(holder().boot).toMatch(/^[0-9a-f-]{36}$/);
  release();
  expect(existsSync(file)).toBe(false);
  await lock();
});

test('refuses a second lock in the same process and in another one, with the holder', async () => {
  await lock();
  const refusal = `${folder} is open in process ${process.pid} on ${hostname()} since ${holder().started}: stop it, or name another folder in AGENTBASE_DATA_DIR`;
  await expect(lock()).rejects.toThrow(refusal);
  expect((await another()).output).toBe(refusal);
});

test.skipIf(!canIsolate)('refuses a process in another process namespace, in both directions', async () => {
  const release = await lock();
  expect((await another(isolate)).output).toMatch(/is open in process \d+ on /);
  release();
  const { child, output } = await another(isolate);
  expect(output).toBe('locked');
  await expect(lock()).rejects.toThrow(/is open in process \d+ on /);
  child.kill('SIGKILL');
  await vi.waitFor(() => lock(), { timeout: 15_000, interval: 100 });
});

test('takes over the lock of a killed process at once, although a stranger has its number now', async () => {
  const { child, output } = await another();
  expect(output).toBe('locked');
  child.kill('SIGKILL');
  await once(child, 'exit');
  const left = holder();
  write({ ...left, pid: process.ppid });
  const waiting = vi.spyOn(process.stderr, 'write');
  onTestFinished(() => waiting.mockRestore());
  await lock({ staleMs: 3_600_000 });
  expect(waiting).not.toHaveBeenCalled();
  expect(holder().id).not.toBe(left.id);
});

test.each([
  ['a process number', String(process.ppid)],
  ['nothing', ''],
  ['half of a record', '{"host":"a'],
])('takes over a file with %s at once', async (_what, text) => {
  writeFileSync(file, text);
  await lock({ staleMs: 3_600_000 });
  expect(holder().pid).toBe(process.pid);
});

test('refuses while another machine renews its lock, and takes it over once it does not', async () => {
  write({ host: 'another-machine', pid: 7 });
  const renewal = setInterval(() => utimesSync(file, Date.now() / 1_000, Date.now() / 1_000), 20);
  onTestFinished(() => clearInterval(renewal));
  await expect(lock({ staleMs: 3_600_000 })).rejects.toThrow(`${folder} is open in process 7 on another-machine since `);
  clearInterval(renewal);
  await lock();
  expect(holder()).toMatchObject({ host: hostname(), pid: process.pid });
});

test('renews its lock, and reports that another machine has taken it over', async () => {
  const onLost = vi.fn();
  const release = await lock({ onLost });
  const first = statSync(file).mtimeMs;
  await vi.waitFor(() => expect(statSync(file).mtimeMs).not.toBe(first), { timeout: 15_000 });
  expect(onLost).not.toHaveBeenCalled();
  write({ host: 'another-machine' });
  await vi.waitFor(() => expect(onLost).toHaveBeenCalledWith(expect.objectContaining({ host: 'another-machine' })), {
    timeout: 15_000,
  });
  release();
  // It belongs to the other machine.
  expect(holder().host).toBe('another-machine');
});
