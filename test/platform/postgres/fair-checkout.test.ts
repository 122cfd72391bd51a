import type pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { newId } from '../../../src/platform/lib/ids.ts';
import type { Database } from '../../../src/platform/postgres/database.ts';
import { FairCheckout } from '../../../src/platform/postgres/fair-checkout.ts';
import { runWithContext } from '../../../src/platform/postgres/request-scope.ts';
import { testDatabase } from '../../testkit/database.ts';

let another: Awaited<ReturnType<typeof open>>;

async function open() {
  return (await testDatabase()).another({ max: 1, maxWaiting: 8 });
}

beforeEach(async () => {
  another = await open();
});
afterEach(() => another.close());

/** Holds the only connection until the returned function is called. */
async function hold(database: Database): Promise<() => void> {
  const held = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  void database.transactionAs({ tenantId: newId() }, async () => {
    held.resolve();
    await release.promise;
  });
  await held.promise;
  return release.resolve;
}

test('a request of another tenant passes the waiting ones of a busy tenant', async () => {
  const { database } = another;
  const release = await hold(database);
  const order: string[] = [];
  const [busy, other] = [newId(), newId()];
  const ask = (tenantId: string, name: string) =>
    runWithContext({ tenantId }, async () => {
      await database.transaction(async () => {
        order.push(name);
      });
    });
  const asked = [ask(busy, 'a1'), ask(busy, 'a2'), ask(busy, 'a3'), ask(other, 'b1')];
  expect(database.waitingCount).toBe(4);
  release();
  await Promise.all(asked);
  expect(order).toEqual(['a1', 'b1', 'a2', 'a3']);
  expect(database.waitingCount).toBe(0);
});

test('requests beyond the limit fail, and those within it are answered', async () => {
  const { database } = another;
  const release = await hold(database);
  const ask = () => database.transactionAs({ tenantId: newId() }, async () => 'done');
  const within = Array.from({ length: 8 }, ask);
  await expect(ask()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  release();
  expect(await Promise.all(within)).toEqual(Array(8).fill('done'));
});

test('a request that waits too long fails, and the next one has its turn', async () => {
  const clients: { release: () => void }[] = [];
  const listeners: ((error: undefined, client: unknown) => void)[] = [];
  const pool = {
    options: { max: 1, connectionTimeoutMillis: 20 },
    waitingCount: 0,
    on: (_event: string, listener: (error: undefined, client: unknown) => void) => listeners.push(listener),
    connect: async () => {
      const client = {
        release: () => {
          for (const listener of listeners) listener(undefined, client);
        },
      };
      clients.push(client);
      return client;
    },
  };
  const checkout = new FairCheckout(pool as unknown as pg.Pool);
  await checkout.connect('a');
  await expect(checkout.connect('a')).rejects.toThrow('no connection was free in time');
  expect(checkout.waitingCount).toBe(0);
  const waiting = checkout.connect('b');
  clients[0]?.release();
  await expect(waiting).resolves.toBe(clients[1]);
});
