/**
 * Measures the time from the start of the embedded server's process to its first response: on the first start, which creates the database and
 * the demo, and on later ones. Each is compared with a process that only opens the same data folder and runs one query, in the same round, so
 * that the bounds hold on machines of any speed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const CONNECT = new URL('../src/platform/postgres/connect.ts', import.meta.url).href;
/** Bounds of the fastest boots, as multiples of the time to open the database alone. Noise affects the fastest least. */
const FIRST_BOUND = 7;
const LATER_BOUND = 4;
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
    if (child.exitCode !== null) throw new Error(`the server exited before it was ready: ${output}`);
  }
  const url = /listens at (\S+)/.exec(output)?.[1] ?? '';
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"query":"{ __typename }"}',
  });
  const { data } = (await response.json()) as { data?: { __typename?: string } };
  if (data?.__typename !== 'Query') throw new Error('the response does not have __typename Query');
  const took = performance.now() - began;
  child.kill('SIGTERM');
  await exited;
  return took;
}

/** Milliseconds of a process that opens the database of a folder and runs one query. */
async function openDatabase(folder: string): Promise<number> {
  const script = `
    import { join } from 'node:path';
    import { openEmbedded } from ${JSON.stringify(CONNECT)};
    const embedded = await openEmbedded(join(${JSON.stringify(folder)}, 'postgres'));
    await embedded.pool.query('SELECT 1');
    console.log('opened');
    await embedded.close();
  `;
  const began = performance.now();
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  await Promise.race([once(child.stdout, 'data'), exited]);
  const took = performance.now() - began;
  const [code] = await exited;
  if (code !== 0) throw new Error(`the process that opens the database exited with code ${code}`);
  return took;
}

const folders: string[] = [];
try {
  const firsts: number[] = [];
  const laters: number[] = [];
  const opened: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const folder = mkdtempSync(join(tmpdir(), 'agentbase-boot-'));
    folders.push(folder);
    firsts.push(await boot(folder));
    laters.push(await boot(folder));
    opened.push(await openDatabase(folder));
  }
  const [first, later, database] = [Math.min(...firsts), Math.min(...laters), Math.min(...opened)];
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  const [firstRatio, laterRatio] = [first / database, later / database];
  console.log(
    `first boot ${seconds(first)} (${firstRatio.toFixed(1)} times opening the database, at most ${FIRST_BOUND}), ` +
      `later boots ${seconds(later)} (${laterRatio.toFixed(1)} times, at most ${LATER_BOUND}); the fastest of ${ROUNDS}`,
  );
  if (firstRatio > FIRST_BOUND || laterRatio > LATER_BOUND) process.exitCode = 1;
} finally {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}
