/**
 * How long the embedded server takes from the start of its process to its first answer: the first time, which makes the
 * database and the demo, and later. Fails past the bounds the README states.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const FIRST_BOUND_MS = 10_000;
const LATER_BOUND_MS = 4_000;
const ROUNDS = 3;

async function boot(folder: string): Promise<number> {
  const began = performance.now();
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env.PATH, PORT: '0', LOG_LEVEL: 'error', AGENTBASE_DATA_DIR: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  while (!/listens at \S+/.test(output)) {
    await Promise.race([once(child.stdout, 'data'), exited]);
    if (child.exitCode !== null) throw new Error(`the server ended: ${output}`);
  }
  const url = /listens at (\S+)/.exec(output)?.[1] ?? '';
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"query":"{ __typename }"}',
  });
  const { data } = (await response.json()) as { data?: { __typename?: string } };
  if (data?.__typename !== 'Query') throw new Error('the answer is wrong');
  const took = performance.now() - began;
  child.kill('SIGTERM');
  await exited;
  return took;
}

function medianOf(times: number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
}

const folders: string[] = [];
try {
  const firsts: number[] = [];
  const laters: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const folder = mkdtempSync(join(tmpdir(), 'agentbase-boot-'));
    folders.push(folder);
    firsts.push(await boot(folder));
    laters.push(await boot(folder));
  }
  const [first, median] = [medianOf(firsts), medianOf(laters)];
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  console.log(`first boot ${seconds(first)}, later boots ${seconds(median)} (medians of ${ROUNDS})`);
  if (first > FIRST_BOUND_MS || median > LATER_BOUND_MS) {
    console.error(`more than ${FIRST_BOUND_MS / 1000} s and ${LATER_BOUND_MS / 1000} s`);
    process.exitCode = 1;
  }
} finally {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}
