import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { StorageOptions } from '../../../src/platform/storage/storage.ts';
import { localBackend, s3Backend } from './storage-backends.ts';

const SCRIPT = fileURLToPath(new URL('move-large-file.ts', import.meta.url));
const MEGABYTES = 100;
const MOST_GROWTH = 50;

interface Move {
  sizeBytes: number;
  contentHash: string;
  /** The peak growth in MB. */
  grown: { rss: number; live: number };
  samples: number;
}

async function moveIn(options: StorageOptions, folder: string): Promise<Move & { downloaded: string }> {
  const task = JSON.stringify({ options, megabytes: MEGABYTES, folder });
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', SCRIPT, task], {
    env: { PATH: process.env.PATH, TMPDIR: folder },
    timeout: 170_000,
  });
  const hash = createHash('sha256');
  await pipeline(createReadStream(join(folder, 'large')), hash);
  const move: Move = JSON.parse(stdout);
  return { ...move, downloaded: hash.digest('hex') };
}

async function expectLittleGrowth(options: StorageOptions, folder: string) {
  const { sizeBytes, contentHash, downloaded, grown, samples } = await moveIn(options, folder);
  expect(sizeBytes).toBe(MEGABYTES * 1_048_576);
  expect(downloaded).toBe(contentHash);
  expect(samples).toBeGreaterThan(5);
  expect(grown.live).toBeLessThan(MOST_GROWTH);
  expect(grown.rss).toBeLessThan(MOST_GROWTH);
}

describe(`${MEGABYTES} MB are moved in little memory`, { timeout: 90_000 }, () => {
  test('local', async () => {
    const place = await localBackend();
    onTestFinished(() => place.close());
    await expectLittleGrowth({ kind: 'local', folder: join(place.folder, 'files') }, place.folder);
  });

  test('S3', async () => {
    const place = await s3Backend();
    onTestFinished(() => place.close());
    await expectLittleGrowth({ ...place.options, silenceMs: 30_000 }, place.folder);
  });
});
