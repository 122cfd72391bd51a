import { describe, expect, test, vi } from 'vitest';
import type { Viewer } from '../../../src/platform/auth/viewer.ts';
import { UnavailableError } from '../../../src/platform/lib/errors.ts';
import { newId } from '../../../src/platform/lib/ids.ts';
import { testDatabase } from '../../testkit/database.ts';
import { asViewer } from '../../testkit/tenants.ts';
import { actsAsAnonymous, createLiveHarness, interruptible, range, take } from './live-harness.ts';

const db = await testDatabase();

describe('a revoked credential', () => {
  test('ends its own idle and active streams promptly, and no others', async () => {
    const revoked = new Set<string | undefined>();
    const revalidate = async ({ apiKeyId }: Viewer) => !revoked.has(apiKeyId);
    const { live, viewer, append, follow } = await createLiveHarness(db, { revalidate, revalidateIntervalMs: 20 });
    const apiKeyId = newId();
    const byKey = await follow({ viewer: { ...viewer, apiKeyId } });
    const byPerson = await follow();
    await append(1);
    expect(await take(byKey, 1)).toEqual([5]);
    const pending = byKey.next();
    revoked.add(apiKeyId);
    await expect(pending).rejects.toMatchObject({ name: 'StreamEndedError', code: 'UNAUTHENTICATED', after: 5 });
    await append(1);
    expect(await take(byPerson, 2)).toEqual([5, 6]);
    revoked.add(undefined);
    await expect(byPerson.next()).rejects.toMatchObject({ code: 'FORBIDDEN', after: 6 });
    expect(live.stats()).toEqual({ feeds: 0, subscribers: 0, timers: 0 });
    await live.close();
  });

  test('delivers no event after its last valid check expires', async () => {
    let holds = true;
    const { live, append, follow } = await createLiveHarness(db, { revalidate: async () => holds, revalidateIntervalMs: 1 });
    const reader = await follow({ after: 0 });
    expect(await take(reader, 2)).toEqual([1, 2]);
    holds = false;
    await vi.waitFor(() => expect(live.stats().subscribers).toBe(0));
    await append(1);
    await expect(reader.next()).rejects.toMatchObject({ code: 'FORBIDDEN', after: 2 });
    await live.close();
  });

  test('ends its streams when its token expires', async () => {
    const { live, viewer, follow } = await createLiveHarness(db, { revalidateIntervalMs: 20 });
    const reader = await follow({ viewer: { ...viewer, expiresAt: new Date(Date.now() + 100) } });
    const expired = { code: 'UNAUTHENTICATED', after: 4, message: expect.stringContaining('after: 4') };
    await expect(reader.next()).rejects.toMatchObject(expired);
    expect(live.stats().subscribers).toBe(0);
    await live.close();
  });

  test('is checked once for all its streams, without a session context', async () => {
    const asked: Viewer[] = [];
    const revalidate = async (viewer: Viewer) => {
      expect(actsAsAnonymous()).toBe(true);
      asked.push(viewer);
      return true;
    };
    const { live, tenant, viewer, append, follow } = await createLiveHarness(db, { revalidate, revalidateIntervalMs: 250 });
    const narrower = { ...viewer, permissions: new Set([...viewer.permissions].slice(0, 3)) };
    const readers = await Promise.all([
      ...range(1, 50).map(() => follow({ viewer: asViewer(tenant) })),
      ...range(1, 50).map(() => follow({ viewer: narrower })),
    ]);
    const answers = Promise.all(readers.map((reader) => take(reader, 3)));
    await append(3);
    await answers;
    // The time for the first round of checks only.
    await vi.waitFor(() => expect(asked.length).toBeGreaterThanOrEqual(2), { timeout: 5_000 });
    expect(asked.length).toBeLessThanOrEqual(4);
    expect(new Set(asked.map(({ permissions }) => permissions.size)).size).toBe(2);
    await live.close();
  });

  test('receives nothing while checks fail, and everything afterwards', async () => {
    let away = false;
    let refused = 0;
    const revalidate = async () => {
      if (!away) return true;
      refused++;
      throw new UnavailableError('away');
    };
    const { live, append, follow } = await createLiveHarness(db, { revalidate, revalidateIntervalMs: 10, pollIntervalMs: 10 });
    const reader = await follow();
    away = true;
    await vi.waitFor(() => expect(refused).toBeGreaterThan(0));
    let delivered = false;
    const next = take(reader, 2).finally(() => {
      delivered = true;
    });
    const before = refused;
    await append(2);
    await vi.waitFor(() => expect(refused).toBeGreaterThan(before + 3));
    expect(delivered).toBe(false);
    away = false;
    expect(await next).toEqual([5, 6]);
    await live.close();
  });
});

describe('a stalled reader', () => {
  test('is ended when it lags too far, and resumes without loss', async () => {
    const limits = { bufferSize: 5, batchSize: 5, revalidateIntervalMs: 10, maxPauseMs: 30 };
    const { live, append, follow } = await createLiveHarness(db, limits);
    const slow = await follow();
    const steady = await follow();
    const steadily = take(steady, 12);
    await append(1);
    expect(await take(slow, 1)).toEqual([5]);
    await append(11);
    expect(await steadily).toEqual(range(5, 16));
    const waiting = steady.next();
    await vi.waitFor(() => expect(live.stats().subscribers).toBe(1));
    await expect(slow.next()).rejects.toMatchObject({
      code: 'SLOW_CONSUMER',
      after: 5,
      message: expect.stringContaining('subscribe to conversationEvents again with after: 5'),
    });
    expect(await take(await follow({ after: 5 }), 11)).toEqual(range(6, 16));
    await append(1);
    expect((await waiting).value?.sequence).toBe(17);
    await live.close();
  });

  test('stays open when it is idle without lag, or lags but reads', async () => {
    const limits = { bufferSize: 5, batchSize: 4, revalidateIntervalMs: 5, maxPauseMs: 60_000 };
    const { live, append, follow } = await createLiveHarness(db, limits);
    const idle = await follow();
    const behind = await follow();
    await append(5);
    const [first] = await take(behind, 1);
    expect(first).toBe(5);
    await append(40);
    // The lagging reader continues from the database; the inspection has also covered the idle one.
    expect(await take(behind, 44)).toEqual(range(6, 49));
    expect(await take(idle, 45)).toEqual(range(5, 49));
    await live.close();
  });
});

describe('an unavailable database', () => {
  test('keeps streams open without loss or repetition', async () => {
    const warnings: string[] = [];
    const { state, database } = interruptible(db, () => Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }));
    const note = (_fields: unknown, message: string) => void warnings.push(message);
    const log = { warn: note, info: (message: string) => void warnings.push(message) } as never;
    const { live, append, follow } = await createLiveHarness(db, { database, log, pollIntervalMs: 10 });
    const following = await follow();
    const replaying = await follow({ after: 0 });
    const answers = Promise.all([take(following, 3), take(replaying, 2)]);
    state.away = true;
    const replayed = (async () => [...(await answers)[1], ...(await take(replaying, 5))])();
    await append(3);
    await expect(follow()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await vi.waitFor(() => expect(warnings).toHaveLength(1));
    expect(live.stats().subscribers).toBe(2);
    state.away = false;
    expect((await answers)[0]).toEqual([5, 6, 7]);
    expect(await replayed).toEqual(range(1, 7));
    await append(1);
    expect(await take(following, 1)).toEqual([8]);
    expect(warnings).toEqual(['live view database reads failed; retrying', 'live view database reads recovered']);
    await live.close();
  });

  test('ends the streams with an unexpected error', async () => {
    const { state, database } = interruptible(db, () => new Error('relation does not exist'));
    const { live, append, follow } = await createLiveHarness(db, { database });
    const reader = await follow();
    const pending = reader.next();
    state.away = true;
    const ended = expect(pending).rejects.toThrow('relation does not exist');
    await append(1);
    await ended;
    expect(live.stats()).toEqual({ feeds: 0, subscribers: 0, timers: 0 });
    await live.close();
  });
});
