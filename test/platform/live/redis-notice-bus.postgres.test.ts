import { Redis } from 'ioredis';
import { expect, test, vi } from 'vitest';
import { newId } from '../../../src/platform/lib/ids.ts';
import type { ChangeNotice } from '../../../src/platform/live/topics.ts';
import type { NoticeBus } from '../../../src/platform/live/transport/notice-bus.ts';
import { createRedisNoticeBus } from '../../../src/platform/live/transport/redis-notice-bus.ts';
import { quiet, range } from './live-harness.ts';

const url = process.env.TEST_REDIS_URL;

function notice(sequence: number): ChangeNotice {
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

test('a bus that never connected drops notices and closes', async () => {
  const transport = createRedisNoticeBus({ url: 'redis://127.0.0.1:1', log: quiet });
  transport.start();
  const each = notice(1);
  const heard = hear(transport, () => [each]);
  transport.publish(each);
  expect(heard).toEqual([each]);
  expect(transport.healthy()).toBe(false);
  await transport.close();
});

if (url) {
  test('notices reach the listeners of every process, local ones synchronously', async () => {
    const [here, there] = await Promise.all([connected(url), connected(url)]);
    const notices = range(1, 300).map(notice);
    const [heardHere, heardThere] = [hear(here, () => notices), hear(there, () => notices)];
    for (const each of notices) here.publish(each);
    expect(heardHere).toEqual(notices);
    await vi.waitFor(() => expect(heardThere).toEqual(notices), { timeout: 5_000 });
    await Promise.all([here.close(), there.close()]);
  });

  test('notices arrive again after lost connections, and no connection remains', async () => {
    const admin = new Redis(url);
    const mine = async () => {
      const clients = String(await admin.client('LIST')).split('\n');
      return clients.filter((line) => line.includes(' name=agentbase-live ')).map((line) => /id=(\d+)/.exec(line)?.[1] ?? '');
    };
    const others = (await mine()).length;
    const [here, there] = await Promise.all([connected(url), connected(url)]);
    const second = notice(2);
    const heard = hear(there, () => [second]);
    const before = await mine();
    for (const id of before) await admin.client('KILL', 'ID', id);
    here.publish(notice(1));
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
    await Promise.all([here.close(), there.close()]);
    await vi.waitFor(async () => expect((await mine()).length).toBeLessThanOrEqual(others), { timeout: 5_000 });
    await admin.quit();
  });
}
