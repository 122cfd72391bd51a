import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { StorageOptions } from '../../src/storage/storage.ts';
import { localPlace, s3Place } from './places.ts';

const SCRIPT = fileURLToPath(new URL('move-large-file.ts', import.meta.url));
const MEGABYTES = 100;
const MOST_GROWTH = 50;

async function moveIn(options: StorageOptions, folder: string) {
  const task = JSON.stringify({ options, megabytes: MEGABYTES, folder });
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', SCRIPT, task], {
    env: { PATH: process.env.PATH, TMPDIR: folder },
    timeout: 60_000,
  });
  const hash = createHash('sha256');
  await pipeline(createReadStream(join(folder, 'large')), hash);
  return { ...JSON.parse(stdout), downloaded: hash.digest('hex') };
}

test.each(['local', 'S3'])(`moves ${MEGABYTES} MB in little memory: %s`, { timeout: 60_000 }, async (kind) => {
  const place = kind === 'S3' ? await s3Place() : await localPlace();
  try {
    const options: StorageOptions =
      'options' in place ? { ...place.options, silenceMs: 30_000 } : { kind: 'local', folder: join(place.folder, 'files') };
    const { sizeBytes, contentHash, downloaded, grown } = await moveIn(options, place.folder);
    expect(sizeBytes).toBe(MEGABYTES * 1_048_576);
    expect(downloaded).toBe(contentHash);
    expect(grown.live).toBeLessThan(MOST_GROWTH);
    expect(grown.rss).toBeLessThan(MOST_GROWTH);
  } finally {
    await place.close();
  }
});
