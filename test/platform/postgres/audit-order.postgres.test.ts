import { expect, test } from 'vitest';
import { testDatabase } from '../../testkit/database.ts';
import { contextOf, createTenant } from '../../testkit/tenants.ts';

// Needs PostgreSQL: the clock of the embedded database has a resolution of milliseconds.
test('the audit log is ordered by time, also within a millisecond', async () => {
  const db = await testDatabase();
  const tenant = await createTenant(db);
  await db.database.transactionAs(contextOf(tenant), () =>
    db.database.query({
      text: `INSERT INTO agents (tenant_id, id, name, slug, provider, model)
        SELECT $1, gen_random_uuid(), 'Agent ' || n, 'agent-number-' || n, 'p', 'm' FROM generate_series(1, 50) n`,
      values: [tenant.id],
    }),
  );
  const rows = await db.ownerQuery<{ name: string }>(
    "SELECT new_values ->> 'name' AS name FROM audit_logs WHERE tenant_id = $1 AND action = 'agent.created' AND new_values ->> 'name' <> 'Agent' ORDER BY id",
    [tenant.id],
  );
  expect(rows.map(({ name }) => name)).toEqual(Array.from({ length: 50 }, (_, n) => `Agent ${n + 1}`));
});
