import { Redis } from 'ioredis';
import { expect, test, vi } from 'vitest';
import { newId } from '../../../src/platform/lib/ids.ts';
import type { ChangeNotice } from '../../../src/platform/live/topics.ts';
import type { NoticeBus } from '../../../src/platform/live/transport/notice-bus.ts';
import { createRedisNoticeBus } from '../../../src/platform/live/transport/redis-notice-bus.ts';
import { quiet, range } from './live-harness.ts';

const url = process.env.TEST_REDIS_URL;

function hint(sequence: number): ChangeNotice {
  return { topic: 'conversation', tenantId: newId(), id: newId(), sequence };
}

function hear(transport: NoticeBus, about: () => ChangeNotice[]): ChangeNotice[] {
  const heard: ChangeNotice[] = [];
  // Other runs may share this Redis.
  transport.subscribe((each) => {
    if (about().some(({ id }) => id === each.id)) heard.push(each);
  });
  return heard;
}

async function connected(redisUrl: string): Promise<NoticeBus> {
  const transport = createRedisNoticeBus({ url: redisUrl, log: quiet });
  transport.start();
  await vi.waitFor(() => expect(transport.healthy()).toBe(true), { timeout: 5_000 });
  return transport;
}

test('a transport that never connected drops its hints and closes', async () => {
  const transport = createRedisNoticeBus({ url: 'redis://127.0.0.1:1', log: quiet });
  transport.start();
  const each = hint(1);
  const heard = hear(transport, () => [each]);
  transport.publish(each);
  expect(heard).toEqual([each]);
  expect(transport.healthy()).toBe(false);
  await transport.close();
});

if (url) {
  test('hints reach the listeners of every process, the own ones at once', async () => {
    const [here, there] = await Promise.all([connected(url), connected(url)]);
    const hints = range(1, 300).map(hint);
    const [heardHere, heardThere] = [hear(here, () => hints), hear(there, () => hints)];
    for (const each of hints) here.publish(each);
    expect(heardHere).toEqual(hints);
    await vi.waitFor(() => expect(heardThere).toEqual(hints), { timeout: 5_000 });
    await Promise.all([here.close(), there.close()]);
  });

  test('hints flow again after the connections were lost, and none is left behind', async () => {
    const [here, there] = await Promise.all([connected(url), connected(url)]);
    const second = hint(2);
    const heard = hear(there, () => [second]);
    const admin = new Redis(url);
    const mine = async () => {
      const clients = String(await admin.client('LIST')).split('\n');
      return clients.filter((line) => line.includes(' name=agentbase-live ')).map((line) => /id=(\d+)/.exec(line)?.[1] ?? '');
    };
    const before = await mine();
    for (const id of before) await admin.client('KILL', 'ID', id);
    here.publish(hint(1));
    await vi.waitFor(
      async () => {
        const ids = await mine();
        expect(ids.length).toBeGreaterThanOrEqual(before.length);
        for (const id of before) expect(ids).not.toContain(id);
        expect([here.healthy(), there.healthy()]).toEqual([true, true]);
      },
      { timeout: 10_000 },
    );
    here.publish(second);
    await vi.waitFor(() => expect(heard).toEqual([second]), { timeout: 5_000 });
    const after = await mine();
    await Promise.all([here.close(), there.close()]);
    await vi.waitFor(async () => expect(await mine()).toHaveLength(after.length - 4), { timeout: 5_000 });
    await admin.quit();
  });
}
