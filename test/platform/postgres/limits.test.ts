import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { UnavailableError } from '../../../src/platform/lib/errors.ts';
import { testDatabase } from '../../testkit/database.ts';

test('a full pool rejects further requests immediately and serves the waiting ones', async () => {
  const db = await testDatabase();
  const { database, close } = db.another({ max: 1, maxWaiting: 2 });
  const held = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const holder = database.transaction(async () => {
    started.resolve();
    await held.promise;
  });
  await started.promise;
  const waiting = [database.query('SELECT 1 AS n'), database.transaction(() => database.query('SELECT 2 AS n'))];
  // Reads of one turn share one connection.
  await nextTurn();
  const before = performance.now();
  await expect(database.query('SELECT 3')).rejects.toBeInstanceOf(UnavailableError);
  await expect(database.transaction(async () => {})).rejects.toBeInstanceOf(UnavailableError);
  expect(performance.now() - before).toBeLessThan(1_000);
  held.resolve();
  await holder;
  expect((await Promise.all(waiting)).map(({ rows }) => rows[0].n)).toEqual([1, 2]);
  expect((await database.query('SELECT 4 AS n')).rows).toEqual([{ n: 4 }]);
  await close();
});
