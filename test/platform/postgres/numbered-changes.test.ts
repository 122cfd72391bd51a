import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../../src/platform/lib/ids.ts';
import { type TestDatabase, throwawayDatabase } from '../../testkit/database.ts';
import { contextOf, createTenant } from '../../testkit/tenants.ts';

let db: TestDatabase;

const columns = 'tenant_id uuid NOT NULL, id uuid NOT NULL, created_at timestamptz NOT NULL DEFAULT now()';
const child = (name: string) => `CREATE TABLE ${name} (${columns}, mission_id uuid NOT NULL, PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, mission_id) REFERENCES missions(tenant_id, id) ON DELETE CASCADE)`;

beforeAll(async () => {
  db = await throwawayDatabase();
  await db.ownerQuery(`CREATE TABLE missions (${columns}, PRIMARY KEY (tenant_id, id)); SELECT app.tenant_table('missions', 'mission', touch => false);
    ${child('steps')}; SELECT app.number_changes('steps', 'missions'); SELECT app.tenant_table('steps', NULL, touch => false);
    ${child('mission_events')}; SELECT app.number_log('mission_events', 'missions'); SELECT app.tenant_table('mission_events', NULL, touch => false);
    GRANT SELECT, INSERT, UPDATE ON missions, steps, mission_events TO agentbase_app`);
});

afterAll(() => db.close());

test('concurrent writers leave no gap in the numbers, also if some roll back', async () => {
  const tenant = await createTenant(db);
  const missionId = newId();
  await db.ownerQuery('INSERT INTO missions (tenant_id, id) VALUES ($1, $2)', [tenant.id, missionId]);
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, (_, n) =>
      db.database.transactionAs(contextOf(tenant), async () => {
        for (const table of ['steps', 'mission_events'])
          await db.database.query({
            text: `INSERT INTO ${table} (id, mission_id) VALUES ($1, $2)`,
            values: [newId(), missionId],
          });
        if (n % 4 === 0) throw new Error('rolled back');
      }),
    ),
  );
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(15);
  const oneTo15 = Array.from({ length: 15 }, (_, n) => n + 1);
  const changes = await db.ownerQuery('SELECT change_sequence::int AS number FROM steps ORDER BY number');
  expect(changes.map(({ number }) => number)).toEqual(oneTo15);
  const events = await db.ownerQuery('SELECT sequence FROM mission_events ORDER BY sequence');
  expect(events.map(({ sequence }) => sequence)).toEqual(oneTo15);
  expect(await db.ownerQuery('SELECT change_sequence::int AS changes, last_event_sequence AS events FROM missions')).toEqual([
    { changes: 15, events: 15 },
  ]);
});
