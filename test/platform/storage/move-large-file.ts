import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createStorage, type StorageOptions, storageKey } from '../../../src/platform/storage/storage.ts';
import { OWNER, TENANT } from './ids.ts';

// Run with --expose-gc. Stages, commits and downloads a file, and prints the growth of the process in MB.
const { options, megabytes, folder }: { options: StorageOptions; megabytes: number; folder: string } = JSON.parse(
  process.argv[2] ?? '',
);
const MEGABYTE = 1_048_576;
const collect = (globalThis as { gc?: () => void }).gc;
if (!collect) throw new Error('run with --expose-gc');

/** A new buffer for each chunk, like a socket. */
function* pieces(count: number) {
  for (let number = 0; number < count * 16; number++) yield Buffer.alloc(MEGABYTE / 16, number & 255);
}

async function move(count: number) {
  const received = await storage.stage(Readable.from(pieces(count), { objectMode: false }), { maxBytes: count * MEGABYTE });
  const key = storageKey({ tenantId: TENANT, ownerId: OWNER, contentHash: received.contentHash });
  await storage.commit(received, key);
  await storage.download(key, join(folder, 'large'), { maxBytes: count * MEGABYTE });
  return received;
}

function sizes() {
  const { rss, heapUsed, external } = process.memoryUsage();
  // `external` includes array buffers.
  return { rss, live: heapUsed + external };
}

const storage = createStorage(options);
await move(1);
collect();
const before = sizes();
const most = { ...before };
let samples = 0;
// Live memory only: V8 accumulates about 64 MB of dead buffers before it collects them.
const watch = setInterval(() => {
  collect();
  samples++;
  const now = sizes();
  most.rss = Math.max(most.rss, now.rss);
  most.live = Math.max(most.live, now.live);
}, 50);
const { sizeBytes, contentHash } = await move(megabytes);
clearInterval(watch);
await storage.close();
const grown = { rss: (most.rss - before.rss) / MEGABYTE, live: (most.live - before.live) / MEGABYTE };
console.log(JSON.stringify({ sizeBytes, contentHash, grown, samples }));
