import { expect, test } from 'vitest';
import { newId } from '../../src/platform/lib/ids.ts';
import { applySettingsSql } from '../../src/platform/postgres/session-settings.ts';
import { testDatabase } from '../testkit/database.ts';
import { type Probe, rolledBack } from '../testkit/roles.ts';
import { contextOf, createTenant, type TestTenant } from '../testkit/tenants.ts';
import { isTenantTable, type Query, readTables } from './catalog.ts';
import { catalogText } from './snapshot.ts';

const PROJECTS = `CREATE TABLE projects (tenant_id uuid NOT NULL, id uuid NOT NULL, name text NOT NULL,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT projects_pkey PRIMARY KEY (tenant_id, id))`;

const child = (
  name: string,
  columns = '',
) => `CREATE TABLE ${name} (tenant_id uuid NOT NULL, id uuid NOT NULL, project_id uuid NOT NULL, ${columns}
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP, CONSTRAINT ${name}_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT ${name}_tenant_id_project_id_fkey FOREIGN KEY (tenant_id, project_id) REFERENCES projects(tenant_id, id) ON DELETE CASCADE)`;

const TASKS = child('tasks', 'title text NOT NULL, updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,');

/** Projects, tasks with numbered changes, and a numbered log. */
const SCENE = `${PROJECTS};
  SELECT app.tenant_table('projects', 'project');
  ${TASKS};
  SELECT app.number_changes('tasks', 'projects');
  SELECT app.tenant_table('tasks', 'task');
  ${child('project_events', 'type text NOT NULL,')};
  SELECT app.number_log('project_events', 'projects');
  SELECT app.tenant_table('project_events', NULL, touch => false);
  GRANT SELECT, INSERT, UPDATE (name, change_sequence, last_event_sequence, updated_at) ON projects TO agentbase_app;
  GRANT SELECT, INSERT, DELETE, UPDATE (title, project_id) ON tasks TO agentbase_app;
  GRANT SELECT, INSERT ON project_events TO agentbase_app`;

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

async function createProject(query: Query): Promise<string> {
  const id = newId();
  await query("INSERT INTO projects (id, name) VALUES ($1, 'Apollo')", [id]);
  return id;
}

async function createTask(query: Query, projectId: string): Promise<string> {
  const id = newId();
  await query("INSERT INTO tasks (id, project_id, title) VALUES ($1, $2, 'Land')", [id, projectId]);
  return id;
}

async function lastChange(query: Query, projectId: string): Promise<number | undefined> {
  const [row] = await query<{ last: number }>('SELECT change_sequence::int AS last FROM projects WHERE id = $1', [projectId]);
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
    const id = await createProject(query);
    expect(await query('SELECT tenant_id FROM projects WHERE id = $1', [id])).toEqual([{ tenant_id: mine.id }]);
    const read = await attempt('agentbase_app', contextOf(theirs), 'SELECT FROM projects WHERE id = $1', [id]);
    expect(read).toMatchObject({ count: 0 });
    const change = await attempt('agentbase_app', contextOf(theirs), "UPDATE projects SET name = 'Taken' WHERE id = $1", [id]);
    expect(change).toMatchObject({ count: 0 });
    const smuggled = await attempt(
      'agentbase_app',
      contextOf(theirs),
      "INSERT INTO projects (tenant_id, id, name) VALUES ($1, $2, 'x')",
      [mine.id, newId()],
    );
    expect(smuggled).toMatchObject({ code: '42501' });
    const homeless = await attempt('agentbase_app', {}, "INSERT INTO projects (id, name) VALUES ($1, 'x')", [newId()]);
    expect(homeless).toMatchObject({ code: '42501' });
    // The trigger runs under row security: it does not see a project of another tenant.
    const stolen = await attempt(
      'agentbase_app',
      contextOf(theirs),
      "INSERT INTO tasks (id, project_id, title) VALUES ($1, $2, 'x')",
      [newId(), id],
    );
    expect(stolen).toMatchObject({ code: '23503', message: `no row of public.projects has the id ${id}` });
  }));

test('deleting a tenant deletes its rows', () =>
  inScene(async ({ query }, mine) => {
    await createTask(query, await createProject(query));
    await query('RESET ROLE');
    await query('DELETE FROM tenants WHERE id = $1', [mine.id]);
    expect(await query('SELECT FROM projects')).toEqual([]);
    expect(await query('SELECT FROM tasks')).toEqual([]);
  }));

test('an update sets updated_at', () =>
  inScene(async ({ query }) => {
    const id = await createProject(query);
    await query('RESET ROLE');
    await query(
      "ALTER TABLE projects DISABLE TRIGGER USER; UPDATE projects SET updated_at = '2020-01-01'; ALTER TABLE projects ENABLE TRIGGER USER",
    );
    await query("UPDATE projects SET name = 'Gemini' WHERE id = $1", [id]);
    expect(await query('SELECT updated_at = now() AS touched FROM projects WHERE id = $1', [id])).toEqual([{ touched: true }]);
  }));

test('changes are audited, except for counters that follow other rows', () =>
  inScene(async ({ query }, mine) => {
    const project = await createProject(query);
    const task = await createTask(query, project);
    await query("UPDATE tasks SET title = 'Return' WHERE id = $1", [task]);
    await query("INSERT INTO project_events (id, project_id, type) VALUES ($1, $2, 'STARTED')", [newId(), project]);
    await query('DELETE FROM tasks WHERE id = $1', [task]);
    const rows = await query<{ action: string; changed: object }>(
      `SELECT action, resource_id AS "resourceId", CASE action WHEN 'task.updated' THEN new_values END AS changed FROM audit_logs
       WHERE tenant_id = $1 AND resource_type IN ('project', 'task') ORDER BY id`,
      [mine.id],
    );
    expect(new Set(rows)).toEqual(
      new Set([
        { action: 'project.created', resourceId: project, changed: null },
        { action: 'task.created', resourceId: task, changed: null },
        { action: 'task.updated', resourceId: task, changed: { title: 'Return' } },
        { action: 'task.deleted', resourceId: task, changed: null },
      ]),
    );
  }));

test('each change of a task gets the next change number of its project', () =>
  inScene(async ({ query }) => {
    const [from, to] = [await createProject(query), await createProject(query)];
    const [first, second] = [await createTask(query, from), await createTask(query, from)];
    await query("UPDATE tasks SET title = 'Again' WHERE id = $1", [first]);
    expect(
      await query('SELECT id, change_sequence::int AS number FROM tasks WHERE project_id = $1 ORDER BY number', [from]),
    ).toEqual([
      { id: second, number: 2 },
      { id: first, number: 3 },
    ]);
    await query('DELETE FROM tasks WHERE id = $1', [second]);
    expect(await lastChange(query, from)).toBe(4);
    await query('UPDATE tasks SET project_id = $1 WHERE id = $2', [to, first]);
    expect([await lastChange(query, from), await lastChange(query, to)]).toEqual([5, 1]);
    await query('RESET ROLE');
    await query('DELETE FROM projects WHERE id = $1', [to]);
    expect(await query('SELECT FROM tasks WHERE id = $1', [first])).toEqual([]);
  }));

test('the database assigns change numbers and ignores those of an insert', () =>
  inScene(async ({ query }) => {
    const id = newId();
    await query("INSERT INTO projects (id, name, change_sequence, last_event_sequence) VALUES ($1, 'Apollo', 7, 8)", [id]);
    await query("INSERT INTO project_events (id, project_id, type, sequence) VALUES ($1, $2, 'STARTED', 9)", [newId(), id]);
    await query("INSERT INTO tasks (id, project_id, title, change_sequence) VALUES ($1, $2, 'Land', 9)", [newId(), id]);
    expect(
      await query('SELECT change_sequence::int AS change, last_event_sequence AS event FROM projects WHERE id = $1', [id]),
    ).toEqual([{ change: 1, event: 1 }]);
    expect(await query('SELECT sequence FROM project_events')).toEqual([{ sequence: 1 }]);
    expect(await query('SELECT change_sequence::int AS number FROM tasks')).toEqual([{ number: 1 }]);
  }));

test('a log that is partitioned by month gets change numbers too', async () => {
  const db = await testDatabase();
  const mine = await createTenant(db);
  await rolledBack(db, async ({ query }) => {
    await query(`${PROJECTS}; SELECT app.tenant_table('projects', 'project'); ${child('project_events')} PARTITION BY RANGE (id);
      SELECT app.number_log('project_events', 'projects'); SELECT app.tenant_table('project_events', NULL, touch => false);
      SELECT app.partition_by_month('project_events', 'tenant_id, project_id, sequence');
      GRANT SELECT, INSERT, UPDATE (last_event_sequence) ON projects TO agentbase_app; GRANT SELECT, INSERT ON project_events TO agentbase_app`);
    await enter(query, mine);
    const project = await createProject(query);
    for (const id of [newId(), newId()])
      await query('INSERT INTO project_events (id, project_id) VALUES ($1, $2)', [id, project]);
    expect(await query('SELECT tenant_id, sequence FROM project_events ORDER BY sequence')).toEqual([
      { tenant_id: mine.id, sequence: 1 },
      { tenant_id: mine.id, sequence: 2 },
    ]);
  });
});

test('the down migration removes the column of last change numbers completely', async () => {
  const db = await testDatabase();
  const [before, after] = await rolledBack(db, async ({ query }) => {
    await query(`${PROJECTS}; SELECT app.tenant_table('projects', 'project', audit_redacted => '{name}')`);
    const catalog = await catalogText(query);
    await query(`${TASKS}; SELECT app.number_changes('tasks', 'projects'); DROP TABLE tasks;
      DROP FUNCTION app.number_tasks_change(), app.number_tasks_deletion(); SELECT app.drop_last_number('projects', 'change_sequence')`);
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
    "SELECT app.tenant_table('projects', 'project', touch => false)",
    'public.projects has a column updated_at, which touch => false would leave as it is',
  ],
  [
    'no primary key',
    "ALTER TABLE projects DROP CONSTRAINT projects_pkey; SELECT app.tenant_table('projects', 'project')",
    'public.projects has no primary key instead of PRIMARY KEY (tenant_id, id)',
  ],
  [
    'another primary key',
    "ALTER TABLE projects DROP CONSTRAINT projects_pkey, ADD PRIMARY KEY (id, tenant_id); SELECT app.tenant_table('projects', 'project')",
    'public.projects has PRIMARY KEY (id, tenant_id) instead of PRIMARY KEY (tenant_id, id)',
  ],
  [
    'a grant before the policy',
    "GRANT UPDATE (name) ON projects TO agentbase_app; SELECT app.tenant_table('projects', 'project')",
    'agentbase_app was granted rights on public.projects before the table has its policy',
  ],
  [
    'a foreign key without an index',
    `${child('notes')}; SELECT app.tenant_table('notes', NULL, touch => false)`,
    'no index of public.notes starts with the columns of notes_tenant_id_project_id_fkey',
  ],
  [
    'a foreign key with a partial index',
    `${child('notes')}; CREATE INDEX ON notes (tenant_id, project_id) WHERE id <> project_id; SELECT app.tenant_table('notes', NULL, touch => false)`,
    'no index of public.notes starts with the columns of notes_tenant_id_project_id_fkey',
  ],
  [
    'a resource type that is none',
    "SELECT app.tenant_table('projects', 'Project')",
    "the resource type 'Project' of public.projects is not in lower snake case",
  ],
  [
    'an ignored column that is not there',
    "SELECT app.tenant_table('projects', 'project', audit_ignored => '{total}')",
    'public.projects has no column total',
  ],
  [
    'numbers without a reference to the parent',
    "SELECT app.number_changes('agents', 'projects')",
    'agents has 0 foreign keys (tenant_id, …) of NOT NULL columns to public.projects(tenant_id, id) instead of one',
  ],
  [
    'numbers by a reference that may be null',
    `${child('notes')}; ALTER TABLE notes ALTER project_id DROP NOT NULL; SELECT app.number_log('notes', 'projects', 'project_id')`,
    'public.notes has 0 foreign keys (tenant_id, project_id) of NOT NULL columns to public.projects(tenant_id, id) instead of one',
  ],
];

test.each(mistakes)('the helpers reject %s', async (_, sql, message) => {
  const db = await testDatabase();
  const refused = rolledBack(db, async ({ query }) => {
    await query(PROJECTS);
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
