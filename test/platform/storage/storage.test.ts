import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { FileMissingError, storageKey, TooLargeError } from '../../../src/platform/storage/storage.ts';
import { OWNER, TENANT } from './ids.ts';
import { keepText, keyOf, localBackend, receiveText, s3Backend, type TestBackend } from './storage-backends.ts';

const HOUR_MS = 3_600_000;
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** An endless stream of kilobyte chunks. */
function endless() {
  let sent = 0;
  const source = new Readable({
    read() {
      sent += 1_000;
      this.push(Buffer.alloc(1_000));
    },
  });
  return { source, sent: () => sent };
}

/** Sends one chunk and then stalls. */
function stalled(): Readable {
  const source = new Readable({ read() {} });
  source.push('the beginning');
  return source;
}

describe.each([
  ['local', localBackend],
  ['S3', s3Backend],
])('%s storage', (_kind, open) => {
  let place: TestBackend;

  beforeAll(async () => {
    place = await open();
  });
  afterEach(() => expect(place.waiting()).toEqual([]));
  afterAll(() => place.close());

  test('downloads the committed bytes', async () => {
    const { storage, folder } = place;
    const received = await receiveText(storage, 'elephants');
    expect(received).toMatchObject({ sizeBytes: 9, contentHash: sha256('elephants') });
    const key = keyOf(received);
    expect(await storage.exists(key)).toBe(false);
    await storage.commit(received, key);
    expect(await storage.exists(key)).toBe(true);
    await storage.download(key, join(folder, 'elephants'), { maxBytes: 9 });
    expect(await readFile(join(folder, 'elephants'), 'utf8')).toBe('elephants');
  });

  test('staged and downloaded files are readable by their owner only', async () => {
    const { storage, folder } = place;
    const received = await receiveText(storage, 'whales');
    expect((await stat(received.path)).mode & 0o777).toBe(0o600);
    expect((await stat(dirname(received.path))).mode & 0o777).toBe(0o700);
    expect((await stat(dirname(dirname(received.path)))).mode & 0o777).toBe(0o700);
    await storage.commit(received, keyOf(received));
    await storage.download(keyOf(received), join(folder, 'whales'), { maxBytes: 6 });
    expect((await stat(join(folder, 'whales'))).mode & 0o777).toBe(0o600);
  });

  test('accepts web streams with chunks of any size', async () => {
    const pieces = ['', 'a', 'b'.repeat(200_000), 'c'];
    const source = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
        controller.close();
      },
    });
    const received = await place.storage.stage(source, { maxBytes: 200_002 });
    expect(received).toMatchObject({ sizeBytes: 200_002, contentHash: sha256(pieces.join('')) });
    await place.storage.abort(received);
  });

  test('stores an empty file', async () => {
    expect(await place.storage.exists(await keepText(place.storage, ''))).toBe(true);
  });

  test('stores the same content once, also for concurrent and repeated commits', async () => {
    const { storage, folder } = place;
    const all = await Promise.all(Array.from({ length: 5 }, () => receiveText(storage, 'the same')));
    expect(new Set(all.map(({ path }) => path)).size).toBe(5);
    const [first] = all as [(typeof all)[0]];
    await Promise.all(all.map((received) => storage.commit(received, keyOf(first))));
    await storage.commit(first, keyOf(first));
    await storage.download(keyOf(first), join(folder, 'same'), { maxBytes: 8 });
    expect(await readFile(join(folder, 'same'), 'utf8')).toBe('the same');
  });

  test('abort and remove are idempotent', async () => {
    const { storage } = place;
    const received = await receiveText(storage, 'unwanted');
    await storage.abort(received);
    await storage.abort(received);
    const key = await keepText(storage, 'wanted for a while');
    await storage.remove(key);
    expect(await storage.exists(key)).toBe(false);
    await storage.remove(key);
  });

  test('reports missing objects', async () => {
    const { storage, folder } = place;
    const key = storageKey({ tenantId: TENANT, ownerId: OWNER, contentHash: sha256('never kept') });
    await expect(storage.download(key, join(folder, 'none'), { maxBytes: 1 })).rejects.toThrow(FileMissingError);
  });

  test('stages and downloads files up to the limit', async () => {
    const { storage, folder } = place;
    const key = await keepText(storage, '12345678');
    await expect(storage.download(key, join(folder, 'large'), { maxBytes: 7 })).rejects.toThrow(TooLargeError);
    const exact = await storage.stage(Readable.from([Buffer.from('12345678')]), { maxBytes: 8 });
    await storage.abort(exact);
  });

  test('stops reading a stream that exceeds the limit', async () => {
    const { source, sent } = endless();
    await expect(place.storage.stage(source, { maxBytes: 50_000 })).rejects.toThrow(TooLargeError);
    expect(source.destroyed).toBe(true);
    expect(sent()).toBeLessThan(500_000);
  });

  test('cancels a web stream that exceeds the limit', async () => {
    let cancelled = false;
    const source = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(1_000)),
      cancel: () => {
        cancelled = true;
      },
    });
    await expect(place.storage.stage(source, { maxBytes: 5_000 })).rejects.toThrow(TooLargeError);
    expect(cancelled).toBe(true);
  });

  test.each([
    ['a stream', stalled],
    ['a stream of the web', () => Readable.toWeb(stalled()) as ReadableStream<Uint8Array>],
  ])('can be aborted while %s is silent', async (_name, make) => {
    const stop = new AbortController();
    const receiving = place.storage.stage(make(), { maxBytes: 1_000, signal: stop.signal });
    const refused = expect(receiving).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
    while (place.waiting().length === 0) await new Promise(setImmediate);
    stop.abort();
    await refused;
  });

  test('stages nothing if the signal is already aborted', async () => {
    const source = stalled();
    const signal = AbortSignal.abort();
    await expect(place.storage.stage(source, { maxBytes: 1_000, signal })).rejects.toThrow(
      expect.objectContaining({ name: 'AbortError' }),
    );
    expect(source.destroyed).toBe(true);
  });

  test('removes the staged file of a source that fails', async () => {
    const atOnce = stalled();
    const refused = expect(place.storage.stage(atOnce, { maxBytes: 1_000 })).rejects.toThrow('gone at once');
    atOnce.destroy(new Error('gone at once'));
    await refused;

    const later = stalled();
    const refusedLater = expect(place.storage.stage(later, { maxBytes: 1_000 })).rejects.toThrow('gone later');
    await once(later, 'resume').catch(() => {});
    later.destroy(new Error('gone later'));
    await refusedLater;
  });

  test('does not commit a partial file', async () => {
    const source = stalled();
    const refused = expect(place.storage.stage(source, { maxBytes: 1_000 })).rejects.toThrow(/premature/i);
    source.destroy();
    await refused;
  });

  test('removes a local copy after use, and a stale one of a dead process', async () => {
    const { storage } = place;
    const key = await keepText(storage, 'lent');
    const limits = { maxBytes: 4 };
    const lent = await storage.withLocalFile(key, limits, async (path) => {
      expect(await readFile(path, 'utf8')).toBe('lent');
      return path;
    });
    await expect(stat(dirname(lent))).rejects.toThrow('ENOENT');
    await expect(
      storage.withLocalFile(key, limits, async (path) => {
        throw new Error(path);
      }),
    ).rejects.toThrow('agentbase-lent-');
    await expect(storage.withLocalFile(key, { maxBytes: 3 }, async () => {})).rejects.toThrow(TooLargeError);

    const before = new Date(Date.now() - 2 * HOUR_MS);
    await storage.withLocalFile(key, limits, async (path) => {
      expect(await storage.purgeStale(HOUR_MS)).toBe(0);
      await utimes(path, before, before);
      await utimes(dirname(path), before, before);
      expect(await storage.purgeStale(HOUR_MS)).toBe(1);
      await expect(stat(dirname(path))).rejects.toThrow('ENOENT');
    });
  });

  test('purges stale staged files and not files in progress', async () => {
    const { storage } = place;
    const [old, recent, coming] = [
      await receiveText(storage, 'old'),
      await receiveText(storage, 'recent'),
      await receiveText(storage, 'coming'),
    ];
    const before = new Date(Date.now() - 2 * HOUR_MS);
    await utimes(old.path, before, before);
    for (const { path } of [old, coming]) await utimes(dirname(path), before, before);
    expect(await storage.purgeStale(HOUR_MS)).toBe(1);
    await expect(stat(old.path)).rejects.toThrow('ENOENT');
    await Promise.all([recent, coming].map((received) => storage.commit(received, keyOf(received))));
    expect(await storage.purgeStale(HOUR_MS)).toBe(0);
  });

  test('works after its temporary folder was removed', async () => {
    const received = await receiveText(place.storage, 'before');
    await rm(dirname(dirname(received.path)), { recursive: true });
    expect(await place.storage.purgeStale(HOUR_MS)).toBe(0);
    await place.storage.check();
    await place.storage.abort(await receiveText(place.storage, 'after'));
  });

  test.each([
    '../secrets',
    '/etc/passwd',
    'incoming/file',
    `${TENANT}/${OWNER}/../../../x`,
    `${TENANT}/../${'a'.repeat(64)}`,
    `${TENANT}/${OWNER}/${'a'.repeat(64)}\n`,
    `${TENANT}/${OWNER}/${'a'.repeat(64)}/..`,
    '',
  ])('rejects the key %j', async (key) => {
    const { storage, folder } = place;
    const message = 'invalid storage key';
    const received = await receiveText(storage, 'anything');
    await expect(storage.commit(received, key)).rejects.toThrow(message);
    await expect(storage.exists(key)).rejects.toThrow(message);
    await expect(storage.remove(key)).rejects.toThrow(message);
    await expect(storage.download(key, join(folder, 'out'), { maxBytes: 10 })).rejects.toThrow(message);
    await storage.abort(received);
  });
});

test.each([
  { tenantId: '../..', ownerId: OWNER, contentHash: sha256('x') },
  { tenantId: TENANT, ownerId: `${OWNER}/..`, contentHash: sha256('x') },
  { tenantId: TENANT, ownerId: OWNER, contentHash: sha256('x').slice(1) },
  { tenantId: TENANT, ownerId: OWNER, contentHash: `../../${'a'.repeat(61)}` },
])('storageKey rejects %o', (parts) => {
  expect(() => storageKey(parts)).toThrow('invalid storage key');
});

test('storageKey returns tenant, owner and content hash', () => {
  const parts = { tenantId: TENANT, ownerId: OWNER, contentHash: sha256('x') };
  expect(storageKey(parts)).toBe(`${TENANT}/${OWNER}/${sha256('x')}`);
});
