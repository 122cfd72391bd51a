import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, expect, test } from 'vitest';
import type { Viewer } from '../../../src/platform/auth/viewer.ts';
import { type TestGraph, testGraph } from '../../testkit/graph.ts';
import { addCollection, addText, until } from '../../testkit/knowledge.ts';
import { storageFolder } from '../../testkit/services.ts';
import { asViewer, createTenant } from '../../testkit/tenants.ts';

const DOCUMENTS = 200;
const KILLS = 20;
const WORKER = fileURLToPath(new URL('../../../src/worker.ts', import.meta.url));

let graph: TestGraph;
let viewer: Viewer;
const running = new Set<ChildProcess>();

beforeAll(async () => {
  graph = await testGraph();
  viewer = asViewer(await createTenant(graph));
});
afterEach(() => {
  for (const worker of running) worker.kill('SIGKILL');
});

/** Starts a separate process as `npm run worker` does. Resolves when it accepts jobs. */
async function startWorkerProcess(): Promise<ChildProcess> {
  const worker = spawn(process.execPath, [WORKER], {
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'test',
      DATABASE_URL: graph.urls?.server,
      STORAGE_FOLDER: storageFolder,
      PORT: '0',
      // Leaves CPU time for tests that run in parallel.
      JOBS_CONCURRENCY: '1',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.add(worker);
  worker.once('exit', () => running.delete(worker));
  let output = '';
  await new Promise<void>((resolve, reject) => {
    worker.once('exit', () => reject(new Error(`the worker exited: ${output}`)));
    worker.stdout?.on('data', (text: Buffer) => {
      output += text;
      if (output.includes('worker started')) resolve();
    });
  });
  return worker;
}

function textOf(number: number): string {
  // Some documents need several batches.
  const sentences = number % 20 === 0 ? 600 : 20 + (number % 7) * 20;
  return Array.from(
    { length: sentences },
    (_, index) =>
      `Document ${number} says in sentence ${index} that thing ${(number * 31 + index * 17) % 997} is near thing ${index}.`,
  ).join(' ');
}

async function fill(): Promise<string> {
  const collection = await addCollection(graph, viewer, { chunkSize: 100, chunkOverlap: 10 });
  for (let number = 0; number < DOCUMENTS; number++)
    await addText(graph, viewer, collection, { title: `Document ${number}`, text: textOf(number) });
  return Buffer.from(collection, 'base64url').toString().split(':')[1] as string;
}

async function statuses(collection: string): Promise<Record<string, number>> {
  const rows = await graph.ownerQuery<{ status: string; count: number }>(
    'SELECT status, count(*)::int AS count FROM documents WHERE collection_id = $1 GROUP BY status',
    [collection],
  );
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
}

const allIndexed = (found: Record<string, number>) => found.INDEXED === DOCUMENTS;

/** All chunks of a collection, without ids. */
function chunksOf(collection: string): Promise<unknown[]> {
  return graph.ownerQuery(
    `SELECT d.title, c.position, c.content, c.token_count, c.page, c.section, md5(c.embedding::text) AS embedding, md5(c.search::text) AS search
     FROM chunks c JOIN documents d ON d.tenant_id = c.tenant_id AND d.id = c.document_id WHERE c.collection_id = $1 ORDER BY d.content_hash, c.position`,
    [collection],
  );
}

test(`${KILLS} worker kills during the ingest of ${DOCUMENTS} documents produce the same chunks as an uninterrupted run`, {
  timeout: 480_000,
}, async () => {
  const interrupted = await fill();
  let kills = 0;
  let state = 7;
  const random = () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
  const interrupt = async () => {
    while (kills < KILLS && !allIndexed(await statuses(interrupted))) {
      const worker = await startWorkerProcess();
      await delay(random() * 1_000);
      if (kills >= KILLS) return worker.kill('SIGKILL');
      kills++;
      worker.kill('SIGKILL');
      await once(worker, 'exit');
    }
    return true;
  };
  await Promise.all([interrupt(), interrupt()]);
  expect(kills).toBeGreaterThanOrEqual(KILLS);
  // All workers are dead; these documents were being processed.
  expect((await statuses(interrupted)).PROCESSING).toBeGreaterThan(0);

  const survivor = await startWorkerProcess();
  await until(() => statuses(interrupted), allIndexed, 180_000);
  const uninterrupted = await fill();
  await until(() => statuses(uninterrupted), allIndexed, 180_000);
  survivor.kill('SIGTERM');
  await once(survivor, 'exit');
  expect(survivor.exitCode).toBe(0);

  expect(await chunksOf(interrupted)).toEqual(await chunksOf(uninterrupted));
  const [counts] = await graph.ownerQuery(
    `SELECT c.document_count, c.chunk_count, (SELECT count(*)::int FROM chunks k WHERE k.collection_id = c.id) AS chunks,
      (SELECT sum(d.total_chunks)::int FROM documents d WHERE d.collection_id = c.id) AS expected FROM collections c WHERE c.id = $1`,
    [interrupted],
  );
  const { chunks } = counts as { chunks: number };
  expect(counts).toEqual({ document_count: DOCUMENTS, chunk_count: chunks, chunks, expected: chunks });
});
