import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../../src/platform/lib/ids.ts';
import { type TestDatabase, throwawayDatabase } from '../../testkit/database.ts';
import { contextOf, createTenant } from '../../testkit/tenants.ts';

let db: TestDatabase;

const columns = 'tenant_id uuid NOT NULL, id uuid NOT NULL, created_at timestamptz NOT NULL DEFAULT now()';
const child = (name: string) => `CREATE TABLE ${name} (${columns}, project_id uuid NOT NULL, PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, project_id) REFERENCES projects(tenant_id, id) ON DELETE CASCADE)`;

beforeAll(async () => {
  db = await throwawayDatabase();
  await db.ownerQuery(`CREATE TABLE projects (${columns}, PRIMARY KEY (tenant_id, id)); SELECT app.tenant_table('projects', 'project', touch => false);
    ${child('tasks')}; SELECT app.number_changes('tasks', 'projects'); SELECT app.tenant_table('tasks', NULL, touch => false);
    ${child('project_events')}; SELECT app.number_log('project_events', 'projects'); SELECT app.tenant_table('project_events', NULL, touch => false);
    GRANT SELECT, INSERT, UPDATE ON projects, tasks, project_events TO agentbase_app`);
});

afterAll(() => db.close());

test('concurrent writers leave no gap in the numbers, also if some roll back', async () => {
  const tenant = await createTenant(db);
  const projectId = newId();
  await db.ownerQuery('INSERT INTO projects (tenant_id, id) VALUES ($1, $2)', [tenant.id, projectId]);
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, (_, n) =>
      db.database.transactionAs(contextOf(tenant), async () => {
        for (const table of ['tasks', 'project_events'])
          await db.database.query({
            text: `INSERT INTO ${table} (id, project_id) VALUES ($1, $2)`,
            values: [newId(), projectId],
          });
        if (n % 4 === 0) throw new Error('rolled back');
      }),
    ),
  );
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(15);
  const oneTo15 = Array.from({ length: 15 }, (_, n) => n + 1);
  const changes = await db.ownerQuery('SELECT change_sequence::int AS number FROM tasks ORDER BY number');
  expect(changes.map(({ number }) => number)).toEqual(oneTo15);
  const events = await db.ownerQuery('SELECT sequence FROM project_events ORDER BY sequence');
  expect(events.map(({ sequence }) => sequence)).toEqual(oneTo15);
  expect(await db.ownerQuery('SELECT change_sequence::int AS changes, last_event_sequence AS events FROM projects')).toEqual([
    { changes: 15, events: 15 },
  ]);
});
