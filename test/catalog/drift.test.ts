import { expect, test } from 'vitest';
import { schemaDrift } from '../../scripts/schema-drift.ts';
import { testDatabase } from '../testkit/database.ts';
import { rolledBack } from '../testkit/roles.ts';
import { catalogText } from './snapshot.ts';

test('a migrated database matches the Prisma schema', async () => {
  const { ownerPool } = await testDatabase();
  expect(await schemaDrift(ownerPool)).toBe('');
});

test('policies, grants, constraints, indexes, triggers and functions match the snapshot', async () => {
  const db = await testDatabase();
  const text = await rolledBack(db, ({ query }) => catalogText(query));
  await expect(text).toMatchFileSnapshot('catalog.snapshot.txt');
});
