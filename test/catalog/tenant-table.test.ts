import { expect, test } from 'vitest';
import { newId } from '../../src/platform/lib/ids.ts';
import { applySettingsSql } from '../../src/platform/postgres/session-settings.ts';
import { testDatabase } from '../testkit/database.ts';
import { type Probe, rolledBack } from '../testkit/roles.ts';
import { contextOf, createTenant, type TestTenant } from '../testkit/tenants.ts';
import { isTenantTable, type Query, readTables } from './catalog.ts';
import { catalogText } from './snapshot.ts';

const MISSIONS = `CREATE TABLE missions (tenant_id uuid NOT NULL, id uuid NOT NULL, name text NOT NULL,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT missions_pkey PRIMARY KEY (tenant_id, id))`;

const child = (
  name: string,
  columns = '',
) => `CREATE TABLE ${name} (tenant_id uuid NOT NULL, id uuid NOT NULL, mission_id uuid NOT NULL, ${columns}
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP, CONSTRAINT ${name}_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT ${name}_tenant_id_mission_id_fkey FOREIGN KEY (tenant_id, mission_id) REFERENCES missions(tenant_id, id) ON DELETE CASCADE)`;

const STEPS = child('steps', 'title text NOT NULL, updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,');

/** Missions, steps with numbered changes, and a numbered log. */
const SCENE = `${MISSIONS};
  SELECT app.tenant_table('missions', 'mission');
  ${STEPS};
  SELECT app.number_changes('steps', 'missions');
  SELECT app.tenant_table('steps', 'step');
  ${child('mission_events', 'type text NOT NULL,')};
  SELECT app.number_log('mission_events', 'missions');
  SELECT app.tenant_table('mission_events', NULL, touch => false);
  GRANT SELECT, INSERT, UPDATE (name, change_sequence, last_event_sequence, updated_at) ON missions TO agentbase_app;
  GRANT SELECT, INSERT, DELETE, UPDATE (title, mission_id) ON steps TO agentbase_app;
  GRANT SELECT, INSERT ON mission_events TO agentbase_app`;

/** Runs `work` in the scene as the owner of a tenant and in the application role. */
async function inScene<T>(work: (probe: Probe, mine: TestTenant, theirs: TestTenant) => Promise<T>): Promise<T> {
  const db = await testDatabase();
  const mine = await createTenant(db);
  const theirs = await createTenant(db);
  return rolledBack(db, async (probe) => {
    await probe.query(SCENE);
    await enter(probe.query, mine);
    return work(probe, mine, theirs);
  });
}

async function enter(query: Query, tenant: TestTenant): Promise<void> {
  await query(`SET LOCAL ROLE agentbase_app; ${applySettingsSql(contextOf(tenant))}`);
}

async function createMission(query: Query): Promise<string> {
  const id = newId();
  await query("INSERT INTO missions (id, name) VALUES ($1, 'Apollo')", [id]);
  return id;
}

async function createStep(query: Query, missionId: string): Promise<string> {
  const id = newId();
  await query("INSERT INTO steps (id, mission_id, title) VALUES ($1, $2, 'Land')", [id, missionId]);
  return id;
}

async function lastChange(query: Query, missionId: string): Promise<number | undefined> {
  const [row] = await query<{ last: number }>('SELECT change_sequence::int AS last FROM missions WHERE id = $1', [missionId]);
  return row?.last;
}

test('every tenant table has the columns, keys and indexes of app.tenant_table', { timeout: 120_000 }, async () => {
  const db = await testDatabase();
  const [before, after] = await rolledBack(db, async ({ query }) => {
    const tables = (await readTables(query)).filter(isTenantTable);
    for (const { name } of tables) await query(`REVOKE ALL ON ${name} FROM agentbase_app`);
    const columnGrants = await query<{ revoke: string }>(
      `SELECT DISTINCT format('REVOKE ALL (%I) ON %s FROM agentbase_app', attname, attrelid::regclass)
      AS revoke FROM pg_attribute, aclexplode(attacl) a WHERE a.grantee = 'agentbase_app'::regrole AND attrelid = ANY ($1::regclass[])`,
      [tables.map(({ name }) => name)],
    );
    for (const { revoke } of columnGrants) await query(revoke);
    const catalog = await catalogText(query);
    for (const { name, columns } of tables) {
      const [audit] = await query<{ arguments: string[] }>(
        `SELECT string_to_array(encode(tgargs, 'escape'), '\\000') AS arguments FROM pg_trigger
         WHERE tgrelid = $1::regclass AND tgname = 'audit' AND NOT tgisinternal`,
        [name],
      );
      await query(`DROP TRIGGER IF EXISTS audit ON ${name}; DROP TRIGGER IF EXISTS touch_updated_at ON ${name};
        DROP POLICY tenant_isolation ON ${name}; ALTER TABLE ${name} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY,
        DROP CONSTRAINT ${name}_tenant_id_fkey, ALTER tenant_id DROP DEFAULT`);
      const [resource = null, redacted, ignored] = audit?.arguments ?? [];
      const touch = columns.some((column) => column.name === 'updated_at');
      await query('SELECT app.tenant_table($1::regclass, $2, $3::text[], $4::text[], $5)', [
        name,
        resource || null,
        redacted || '{}',
        ignored || '{}',
        touch,
      ]);
    }
    return [catalog, await catalogText(query)];
  });
  expect(after).toBe(before);
});

test('a row belongs to the tenant of its transaction and is invisible to other tenants', () =>
  inScene(async ({ query, attempt }, mine, theirs) => {
    const id = await createMission(query);
    expect(await query('SELECT tenant_id FROM missions WHERE id = $1', [id])).toEqual([{ tenant_id: mine.id }]);
    const read = await attempt('agentbase_app', contextOf(theirs), 'SELECT FROM missions WHERE id = $1', [id]);
    expect(read).toMatchObject({ count: 0 });
    const change = await attempt('agentbase_app', contextOf(theirs), "UPDATE missions SET name = 'Taken' WHERE id = $1", [id]);
    expect(change).toMatchObject({ count: 0 });
    const smuggled = await attempt(
      'agentbase_app',
      contextOf(theirs),
      "INSERT INTO missions (tenant_id, id, name) VALUES ($1, $2, 'x')",
      [mine.id, newId()],
    );
    expect(smuggled).toMatchObject({ code: '42501' });
    const homeless = await attempt('agentbase_app', {}, "INSERT INTO missions (id, name) VALUES ($1, 'x')", [newId()]);
    expect(homeless).toMatchObject({ code: '42501' });
    // The trigger runs under row security: it does not see a mission of another tenant.
    const stolen = await attempt(
      'agentbase_app',
      contextOf(theirs),
      "INSERT INTO steps (id, mission_id, title) VALUES ($1, $2, 'x')",
      [newId(), id],
    );
    expect(stolen).toMatchObject({ code: '23503', message: `no row of public.missions has the id ${id}` });
  }));

test('deleting a tenant deletes its rows', () =>
  inScene(async ({ query }, mine) => {
    await createStep(query, await createMission(query));
    await query('RESET ROLE');
    await query('DELETE FROM tenants WHERE id = $1', [mine.id]);
    expect(await query('SELECT FROM missions')).toEqual([]);
    expect(await query('SELECT FROM steps')).toEqual([]);
  }));

test('an update sets updated_at', () =>
  inScene(async ({ query }) => {
    const id = await createMission(query);
    await query('RESET ROLE');
    await query(
      "ALTER TABLE missions DISABLE TRIGGER USER; UPDATE missions SET updated_at = '2020-01-01'; ALTER TABLE missions ENABLE TRIGGER USER",
    );
    await query("UPDATE missions SET name = 'Gemini' WHERE id = $1", [id]);
    expect(await query('SELECT updated_at = now() AS touched FROM missions WHERE id = $1', [id])).toEqual([{ touched: true }]);
  }));

test('changes are audited, except for counters that follow other rows', () =>
  inScene(async ({ query }, mine) => {
    const mission = await createMission(query);
    const step = await createStep(query, mission);
    await query("UPDATE steps SET title = 'Return' WHERE id = $1", [step]);
    await query("INSERT INTO mission_events (id, mission_id, type) VALUES ($1, $2, 'STARTED')", [newId(), mission]);
    await query('DELETE FROM steps WHERE id = $1', [step]);
    const rows = await query<{ action: string; changed: object }>(
      `SELECT action, resource_id AS "resourceId", CASE action WHEN 'step.updated' THEN new_values END AS changed FROM audit_logs
       WHERE tenant_id = $1 AND resource_type IN ('mission', 'step') ORDER BY id`,
      [mine.id],
    );
    expect(new Set(rows)).toEqual(
      new Set([
        { action: 'mission.created', resourceId: mission, changed: null },
        { action: 'step.created', resourceId: step, changed: null },
        { action: 'step.updated', resourceId: step, changed: { title: 'Return' } },
        { action: 'step.deleted', resourceId: step, changed: null },
      ]),
    );
  }));

test('each change of a step gets the next change number of its mission', () =>
  inScene(async ({ query }) => {
    const [from, to] = [await createMission(query), await createMission(query)];
    const [first, second] = [await createStep(query, from), await createStep(query, from)];
    await query("UPDATE steps SET title = 'Again' WHERE id = $1", [first]);
    expect(
      await query('SELECT id, change_sequence::int AS number FROM steps WHERE mission_id = $1 ORDER BY number', [from]),
    ).toEqual([
      { id: second, number: 2 },
      { id: first, number: 3 },
    ]);
    await query('DELETE FROM steps WHERE id = $1', [second]);
    expect(await lastChange(query, from)).toBe(4);
    await query('UPDATE steps SET mission_id = $1 WHERE id = $2', [to, first]);
    expect([await lastChange(query, from), await lastChange(query, to)]).toEqual([5, 1]);
    await query('RESET ROLE');
    await query('DELETE FROM missions WHERE id = $1', [to]);
    expect(await query('SELECT FROM steps WHERE id = $1', [first])).toEqual([]);
  }));

test('the database assigns change numbers and ignores those of an insert', () =>
  inScene(async ({ query }) => {
    const id = newId();
    await query("INSERT INTO missions (id, name, change_sequence, last_event_sequence) VALUES ($1, 'Apollo', 7, 8)", [id]);
    await query("INSERT INTO mission_events (id, mission_id, type, sequence) VALUES ($1, $2, 'STARTED', 9)", [newId(), id]);
    await query("INSERT INTO steps (id, mission_id, title, change_sequence) VALUES ($1, $2, 'Land', 9)", [newId(), id]);
    expect(
      await query('SELECT change_sequence::int AS change, last_event_sequence AS event FROM missions WHERE id = $1', [id]),
    ).toEqual([{ change: 1, event: 1 }]);
    expect(await query('SELECT sequence FROM mission_events')).toEqual([{ sequence: 1 }]);
    expect(await query('SELECT change_sequence::int AS number FROM steps')).toEqual([{ number: 1 }]);
  }));

test('a log that is partitioned by month gets change numbers too', async () => {
  const db = await testDatabase();
  const mine = await createTenant(db);
  await rolledBack(db, async ({ query }) => {
    await query(`${MISSIONS}; SELECT app.tenant_table('missions', 'mission'); ${child('mission_events')} PARTITION BY RANGE (id);
      SELECT app.number_log('mission_events', 'missions'); SELECT app.tenant_table('mission_events', NULL, touch => false);
      SELECT app.partition_by_month('mission_events', 'tenant_id, mission_id, sequence');
      GRANT SELECT, INSERT, UPDATE (last_event_sequence) ON missions TO agentbase_app; GRANT SELECT, INSERT ON mission_events TO agentbase_app`);
    await enter(query, mine);
    const mission = await createMission(query);
    for (const id of [newId(), newId()])
      await query('INSERT INTO mission_events (id, mission_id) VALUES ($1, $2)', [id, mission]);
    expect(await query('SELECT tenant_id, sequence FROM mission_events ORDER BY sequence')).toEqual([
      { tenant_id: mine.id, sequence: 1 },
      { tenant_id: mine.id, sequence: 2 },
    ]);
  });
});

test('the down migration removes the column of last change numbers completely', async () => {
  const db = await testDatabase();
  const [before, after] = await rolledBack(db, async ({ query }) => {
    await query(`${MISSIONS}; SELECT app.tenant_table('missions', 'mission', audit_redacted => '{name}')`);
    const catalog = await catalogText(query);
    await query(`${STEPS}; SELECT app.number_changes('steps', 'missions'); DROP TABLE steps;
      DROP FUNCTION app.number_steps_change(), app.number_steps_deletion(); SELECT app.drop_last_number('missions', 'change_sequence')`);
    return [catalog, await catalogText(query)];
  });
  expect(after).toBe(before);
});

const mistakes: [mistake: string, sql: string, message: string][] = [
  ['an unknown table', "SELECT app.tenant_table('nowhere', 'thing')", 'relation "nowhere" does not exist'],
  [
    'a table of another schema',
    "SELECT app.tenant_table('app.rate_limits', 'limit')",
    'app.rate_limits is not a table of the schema public',
  ],
  [
    'no tenant_id',
    "CREATE TABLE notes (id uuid PRIMARY KEY); SELECT app.tenant_table('notes', 'note')",
    'public.notes has no column tenant_id',
  ],
  [
    'tenant_id of another type',
    "CREATE TABLE notes (tenant_id text); SELECT app.tenant_table('notes', 'note')",
    'public.notes.tenant_id is of type text instead of uuid',
  ],
  ['no updated_at', `${child('notes')}; SELECT app.tenant_table('notes', 'note')`, 'public.notes has no column updated_at'],
  [
    'updated_at without its trigger',
    "SELECT app.tenant_table('missions', 'mission', touch => false)",
    'public.missions has a column updated_at, which touch => false would leave as it is',
  ],
  [
    'no primary key',
    "ALTER TABLE missions DROP CONSTRAINT missions_pkey; SELECT app.tenant_table('missions', 'mission')",
    'public.missions has no primary key instead of PRIMARY KEY (tenant_id, id)',
  ],
  [
    'another primary key',
    "ALTER TABLE missions DROP CONSTRAINT missions_pkey, ADD PRIMARY KEY (id, tenant_id); SELECT app.tenant_table('missions', 'mission')",
    'public.missions has PRIMARY KEY (id, tenant_id) instead of PRIMARY KEY (tenant_id, id)',
  ],
  [
    'a grant before the policy',
    "GRANT UPDATE (name) ON missions TO agentbase_app; SELECT app.tenant_table('missions', 'mission')",
    'agentbase_app was granted rights on public.missions before the table has its policy',
  ],
  [
    'a foreign key without an index',
    `${child('notes')}; SELECT app.tenant_table('notes', NULL, touch => false)`,
    'no index of public.notes starts with the columns of notes_tenant_id_mission_id_fkey',
  ],
  [
    'a foreign key with a partial index',
    `${child('notes')}; CREATE INDEX ON notes (tenant_id, mission_id) WHERE id <> mission_id; SELECT app.tenant_table('notes', NULL, touch => false)`,
    'no index of public.notes starts with the columns of notes_tenant_id_mission_id_fkey',
  ],
  [
    'a resource type that is none',
    "SELECT app.tenant_table('missions', 'Mission')",
    "the resource type 'Mission' of public.missions is not in lower snake case",
  ],
  [
    'an ignored column that is not there',
    "SELECT app.tenant_table('missions', 'mission', audit_ignored => '{total}')",
    'public.missions has no column total',
  ],
  [
    'numbers without a reference to the parent',
    "SELECT app.number_changes('agents', 'missions')",
    'agents has 0 foreign keys (tenant_id, …) of NOT NULL columns to public.missions(tenant_id, id) instead of one',
  ],
  [
    'numbers by a reference that may be null',
    `${child('notes')}; ALTER TABLE notes ALTER mission_id DROP NOT NULL; SELECT app.number_log('notes', 'missions', 'mission_id')`,
    'public.notes has 0 foreign keys (tenant_id, mission_id) of NOT NULL columns to public.missions(tenant_id, id) instead of one',
  ],
];

test.each(mistakes)('the helpers reject %s', async (_, sql, message) => {
  const db = await testDatabase();
  const refused = rolledBack(db, async ({ query }) => {
    await query(MISSIONS);
    await query(sql);
  });
  await expect(refused).rejects.toThrow(message);
});

test('the application cannot call the helpers', async () => {
  const db = await testDatabase();
  const allowed = await rolledBack(db, async ({ query }) => {
    await query(SCENE);
    return query(`SELECT p.oid::regprocedure::text AS helper FROM pg_proc p WHERE pronamespace = 'app'::regnamespace
      AND proname IN ('tenant_table', 'audit_table', 'ignore_in_audit', 'number_changes', 'number_log', 'add_last_number', 'drop_last_number',
        'parent_column', 'require_column', 'object_name') AND (has_function_privilege('agentbase_app', oid, 'EXECUTE')
        OR has_function_privilege('agentbase_gate', oid, 'EXECUTE') OR has_function_privilege('public', oid, 'EXECUTE'))`);
  });
  expect(allowed).toEqual([]);
});
