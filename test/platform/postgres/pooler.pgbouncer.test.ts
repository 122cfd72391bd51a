import { expect, test } from 'vitest';
import { newId } from '../../../src/platform/lib/ids.ts';
import { runWithContext } from '../../../src/platform/postgres/request-scope.ts';
import { testDatabase } from '../../testkit/database.ts';
import { contextOf, createTenant } from '../../testkit/tenants.ts';

test('requests that share connections through a pooler in transaction mode do not share contexts', async () => {
  const db = await testDatabase();
  const pooled = db.another({ url: db.urls?.pgbouncer, max: 12, preparedStatements: false });
  const tenants = await Promise.all([1, 2, 3].map(() => createTenant(db, { rows: ['agents', 'conversations'] })));
  const outcomes = await Promise.all(
    Array.from({ length: 60 }, (_, n) => tenants[n % 3] ?? expect.fail()).map(async (tenant, n) => {
      const { id: tenantId } = tenant;
      const conversationId = tenant.idOf('conversations');
      if (n % 4 === 1) {
        const insert = `INSERT INTO messages (tenant_id, id, conversation_id, role, content) VALUES ($1, $2, $3, 'USER', 'Hello')`;
        await runWithContext(contextOf(tenant), () =>
          pooled.database.batch([{ text: insert, values: [tenantId, newId(), conversationId] }, { text: 'SELECT 1' }]),
        );
      }
      if (n % 2 === 0) {
        await pooled.database.transactionAs(contextOf(tenant), async () =>
          pooled.prisma.message.create({ data: { tenantId, id: newId(), conversationId, role: 'USER', content: 'Hello' } }),
        );
      }
      const rows = await runWithContext(contextOf(tenant), async () => pooled.prisma.agent.findMany({ select: { id: true } }));
      return { rows, expected: [{ id: tenant.idOf('agents') }] };
    }),
  );
  for (const { rows, expected } of outcomes) expect(rows).toEqual(expected);
  expect(await pooled.prisma.agent.findMany()).toEqual([]);
  for (const { idOf } of tenants) {
    const conversationId = idOf('conversations');
    const rows = await db.ownerQuery('SELECT sequence FROM messages WHERE conversation_id = $1 ORDER BY 1', [conversationId]);
    expect(rows.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 15 }, (_, n) => n + 1));
  }
  await pooled.close();
});
