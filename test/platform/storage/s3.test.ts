import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createStorage } from '../../../src/platform/storage/storage.ts';
import { keepText, keyOf, receiveText, type S3Backend, s3Backend } from './storage-backends.ts';

let place: S3Backend;

beforeAll(async () => {
  place = await s3Backend();
});
beforeEach(() => place.server.reset());
afterAll(() => place.close());

test('objects have the prefix and are uploaded once', async () => {
  const { storage, server } = place;
  const key = await keepText(storage, 'elephants');
  await keepText(storage, 'elephants');
  expect([...server.objects.keys()]).toEqual([`agentbase/${key}`]);
  expect(server.objects.get(`agentbase/${key}`)?.toString()).toBe('elephants');
  expect(server.requests).toEqual([`HEAD agentbase/${key}`, `PUT agentbase/${key}`, `HEAD agentbase/${key}`]);
});

test.each(['unavailable', 'cutOff', 'silent'] as const)('tries again to put a file when the storage was %s', async (failure) => {
  const { storage, server } = place;
  server.fail('PUT', failure);
  const text = 'x'.repeat(3_000_000);
  const key = await keepText(storage, text);
  expect(server.objects.get(`agentbase/${key}`)?.toString()).toBe(text);
  expect(server.requests.filter((request) => request.startsWith('PUT'))).toHaveLength(2);
});

test('fails after its last attempt, and a later commit succeeds', async () => {
  const { storage, server } = place;
  server.fail('PUT', ...Array.from({ length: 4 }, () => 'unavailable' as const));
  const received = await receiveText(storage, 'patience');
  await expect(storage.commit(received, keyOf(received))).rejects.toThrow('The file storage of the server cannot be reached.');
  expect(server.objects.size).toBe(0);
  await storage.commit(received, keyOf(received));
  expect(server.objects.size).toBe(1);
});

test.each(['unavailable', 'silent'] as const)('tries again to get a file when the storage was %s', async (failure) => {
  const { storage, server, folder } = place;
  const key = await keepText(storage, 'whales');
  server.fail('GET', failure);
  await storage.download(key, join(folder, failure), { maxBytes: 6 });
  expect(await readFile(join(folder, failure), 'utf8')).toBe('whales');
});

test('rejects a truncated download', async () => {
  const { storage, server, folder } = place;
  const key = await keepText(storage, 'w'.repeat(100_000));
  server.fail('GET', 'cutOff');
  await expect(storage.download(key, join(folder, 'half'), { maxBytes: 100_000 })).rejects.toThrow('aborted');
});

test('a rejected request is not reported as a missing file', async () => {
  const { storage, server } = place;
  const key = await keepText(storage, 'there');
  server.fail('HEAD', ...Array.from({ length: 4 }, () => 'unavailable' as const));
  await expect(storage.exists(key)).rejects.toThrow();
});

test.each([
  ['key', { accessKeyId: 'of another account' }],
  ['bucket', { bucket: 'missing' }],
])('check fails after one request with a wrong %s', async (_what, wrong) => {
  await place.storage.check();
  place.server.reset();
  const storage = createStorage({ ...place.options, ...wrong });
  await expect(storage.check()).rejects.toThrow();
  expect(place.server.requests).toHaveLength(1);
  await storage.close();
});

test('does not retry a request with a wrong key', async () => {
  const storage = createStorage({ ...place.options, accessKeyId: 'of another account' });
  const received = await receiveText(storage, 'anything');
  await expect(storage.commit(received, keyOf(received))).rejects.toThrow();
  expect(place.server.requests).toHaveLength(1);
  await storage.abort(received);
  await storage.close();
});
