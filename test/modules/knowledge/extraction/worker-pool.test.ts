import { beforeEach, expect, test, vi } from 'vitest';
import { endIdleWorkers } from '../../../../src/modules/knowledge/extraction/worker-pool.ts';
import { chunksOf, settings } from './read-file.ts';

const long = 'word '.repeat(3_000_000);

function threads(): number {
  return process.getActiveResourcesInfo().filter((name) => /Worker|MessagePort/.test(name)).length;
}

beforeEach(endIdleWorkers);

test('produces the same chunks for the same bytes', async () => {
  const text = Array.from({ length: 300 }, (_, index) => `# Part ${index}\n\nText of part ${index}. `.repeat(index % 7)).join(
    '\n\n',
  );
  const first = await chunksOf(text, 'text/markdown');
  expect(first.length).toBeGreaterThan(50);
  expect(await chunksOf(text, 'text/markdown')).toEqual(first);
});

test('delivers chunks of several messages in order', async () => {
  const chunks = await chunksOf('some words '.repeat(20_000), 'text/plain', { chunkSize: 16, chunkOverlap: 0 });
  expect(chunks.length).toBeGreaterThan(2_000);
  expect(chunks.map(({ position }) => position)).toEqual(chunks.map((_, index) => index));
});

test('terminates the thread on abort', async () => {
  const before = threads();
  const abort = new AbortController();
  const extraction = chunksOf(long, 'text/plain', settings, { signal: abort.signal }).catch((error: unknown) => error);
  await vi.waitUntil(() => threads() > before);
  const reason = new Error('The document was deleted.');
  abort.abort(reason);
  expect(await extraction).toBe(reason);
  expect(threads()).toBe(before);
});

test('starts no thread for an aborted signal', async () => {
  const before = threads();
  await expect(chunksOf('text', 'text/plain', settings, { signal: AbortSignal.abort('gone') })).rejects.toBe('gone');
  expect(threads()).toBe(before);
});

test('reuses a thread after a success and terminates it after an error or a timeout', async () => {
  const before = threads();
  const { signal } = new AbortController();
  await chunksOf('text', 'text/plain', settings, { signal });
  expect(threads()).toBe(before + 1);
  await chunksOf('other text', 'text/plain', settings, { signal });
  expect(threads()).toBe(before + 1);
  await expect(chunksOf('', 'text/plain')).rejects.toMatchObject({ code: 'EMPTY' });
  await expect(chunksOf(long, 'text/plain', settings, { timeoutMs: 100 })).rejects.toMatchObject({ code: 'TOO_SLOW' });
  expect(threads()).toBe(before);
});

test('does not block the event loop', async () => {
  let ticks = 0;
  const ticking = setInterval(() => (ticks += 1), 10);
  try {
    await chunksOf('word '.repeat(400_000), 'text/plain');
  } finally {
    clearInterval(ticking);
  }
  expect(ticks).toBeGreaterThan(10);
});
