import pg from 'pg';
import { newId } from '../../src/platform/lib/ids.ts';
import type { SessionContext } from '../../src/platform/postgres/request-scope.ts';
import type { Probe } from '../testkit/roles.ts';
import type { TestTenant } from '../testkit/tenants.ts';
import { isTenantTable, type Query, type Table } from './catalog.ts';
import { commonTables, gateGrants, personalTables, secretColumns } from './expectations.ts';
import { authorOf, copyRow, insertSql, quote, type Row, rowOf, rowsOf, type TwoTenantFixture } from './two-tenant-fixture.ts';

const REFUSED = '42501';
const APPLICATION = 'agentbase_app';

function contextOf(tenant: TestTenant): SessionContext {
  return { tenantId: tenant.id, userId: tenant.owner.userId };
}

/** The privileges of a role on a table or any of its columns. */
async function rightsOf(query: Query, role: string, table: Table) {
  const [rights] = await query<{ read: string[]; change: string[]; insert: boolean; delete: boolean }>(
    `SELECT coalesce(json_agg(attname) FILTER (WHERE has_column_privilege($1, attrelid, attnum, 'SELECT')), '[]') AS read,
       coalesce(json_agg(attname) FILTER (WHERE has_column_privilege($1, attrelid, attnum, 'UPDATE')), '[]') AS change,
       has_table_privilege($1, $2::regclass, 'INSERT') AS insert, has_table_privilege($1, $2::regclass, 'DELETE') AS delete
     FROM pg_attribute WHERE attrelid = $2::regclass AND attnum > 0 AND NOT attisdropped`,
    [role, table.name],
  );
  return rights ?? { read: [], change: [], insert: false, delete: false };
}

/** A fingerprint of the rows of a tenant, read as the owner. */
async function stateOf(query: Query, table: Table, tenant: TestTenant): Promise<string> {
  const [state] = await query<{ state: string }>(
    `SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' ORDER BY id)), '') AS state FROM ${quote(table.name)} t WHERE ${rowsOf(table, tenant)}`,
  );
  return state?.state ?? '';
}

interface Stranger {
  name: string;
  role: string;
  context: SessionContext;
}

/** The actors that must not see rows of `mine`. The role `stranger` has only the privileges of PUBLIC. */
function strangersTo(scene: TwoTenantFixture, table: Table): Stranger[] {
  const colleague = { tenantId: scene.ownTenant.id, userId: scene.ownTenant.members[1]?.userId };
  const elsewhere = { tenantId: scene.otherTenant.id, userId: scene.ownTenant.owner.userId };
  return [
    ...(isTenantTable(table) ? [{ name: 'the same person in another tenant', role: APPLICATION, context: elsewhere }] : []),
    ...(personalTables.has(table.name) ? [{ name: 'a colleague', role: APPLICATION, context: colleague }] : []),
    { name: 'another tenant', role: APPLICATION, context: contextOf(scene.otherTenant) },
    { name: 'no context', role: APPLICATION, context: {} },
    { name: 'an unknown tenant', role: APPLICATION, context: { tenantId: newId(), userId: newId() } },
    { name: 'a role without grants', role: 'stranger', context: contextOf(scene.ownTenant) },
    { name: 'the gate', role: 'agentbase_gate', context: contextOf(scene.ownTenant) },
  ];
}

/** Returns what a stranger can do with the rows of `mine`: read, change, delete or add. */
async function accessByStrangers(probe: Probe, scene: TwoTenantFixture, table: Table, stranger: Stranger): Promise<string[]> {
  const problems: string[] = [];
  const { role, context, name } = stranger;
  const target = quote(table.name);
  const where = rowsOf(table, scene.ownTenant);
  const rights = await rightsOf(probe.query, role, table);
  const report = (what: string) => problems.push(`${table.name}: ${name} can ${what}`);

  // The gate role reads granted columns of any tenant for lookups, and never whole rows.
  const readable = role === APPLICATION && rights.read.length > 0 ? rights.read.map(quote).join(', ') : '*';
  for (const condition of [where, 'true']) {
    const read = await probe.attempt(role, context, `SELECT ${readable} FROM ${target} WHERE ${condition}`);
    if (read instanceof pg.DatabaseError) {
      if (read.code !== REFUSED) report(`fail to read for the wrong reason: ${read.message}`);
    } else {
      const own = (row: Row) =>
        row.tenant_id === scene.ownTenant.id || row.id === scene.ownTenant.id || row.user_id === scene.ownTenant.owner.userId;
      if (read.rows.some(own) || (condition === where && read.count > 0)) report('read');
    }
  }

  const before = await stateOf(probe.query, table, scene.ownTenant);
  const unchanged = (what: string) => async () => {
    if ((await stateOf(probe.query, table, scene.ownTenant)) !== before) report(what);
  };
  const column = quote(rights.change[0] ?? 'id');
  const statements: [what: string, sql: string, values?: unknown[]][] = [
    ['update', `UPDATE ${target} SET ${column} = NULL`],
    ['update in place', `UPDATE ${target} SET ${column} = ${column} WHERE ${where}`],
    ['delete', `DELETE FROM ${target} WHERE ${where}`],
    ['empty', `DELETE FROM ${target}`],
    ['truncate', `TRUNCATE ${target} CASCADE`],
  ];
  const row = await rowOf(probe.query, table, scene.ownTenant);
  const mayInsert = role === 'agentbase_gate' && gateGrants[table.name]?.includes('INSERT');
  if (row) statements.push(['insert', insertSql(table), [JSON.stringify(copyRow(scene, table, row))]]);
  for (const [what, sql, values] of statements) {
    const answer = await probe.attempt(role, context, sql, values, mayInsert && what === 'insert' ? undefined : unchanged(what));
    if (!(answer instanceof pg.DatabaseError) && what === 'update in place' && answer.count > 0) report('touch');
    if (!(answer instanceof pg.DatabaseError) && what === 'insert' && !mayInsert) report('insert');
  }
  return problems;
}

/** Checks that a tenant can use its own rows: a table that denies every access would otherwise look isolated. */
async function deniedOwnAccess(probe: Probe, scene: TwoTenantFixture, table: Table): Promise<string[]> {
  const row = await rowOf(probe.query, table, scene.ownTenant);
  if (!row) return [`${table.name}: no row to try with. Let fillTables insert one`];
  const rights = await rightsOf(probe.query, APPLICATION, table);
  const target = quote(table.name);
  const where = rowsOf(table, scene.ownTenant);
  const tries: [what: string, context: SessionContext, sql: string, values?: unknown[]][] = [
    ['read', contextOf(scene.ownTenant), `SELECT ${rights.read.map(quote).join(', ')} FROM ${target} WHERE ${where}`],
  ];
  if (rights.change.length > 0) {
    const column = quote(rights.change.find((name) => rights.read.includes(name)) ?? 'id');
    tries.push(['update', contextOf(scene.ownTenant), `UPDATE ${target} SET ${column} = ${column} WHERE ${where}`]);
  }
  if (rights.insert) {
    const twin = copyRow(scene, table, row);
    tries.push(['insert', authorOf(table, twin, scene.ownTenant), insertSql(table), [JSON.stringify(twin)]]);
  }
  const problems: string[] = [];
  for (const [what, context, sql, values] of tries) {
    const answer = await probe.attempt(APPLICATION, context, sql, values);
    if (answer instanceof pg.DatabaseError) problems.push(`${table.name}: its own tenant cannot ${what}: ${answer.message}`);
    else if (answer.count === 0) problems.push(`${table.name}: its own tenant finds nothing to ${what}`);
  }
  return problems;
}

/** A row cannot move to or from another tenant. */
async function movesToOtherTenant(probe: Probe, scene: TwoTenantFixture, table: Table): Promise<string[]> {
  if (!isTenantTable(table)) return [];
  const answer = await probe.attempt(
    APPLICATION,
    contextOf(scene.ownTenant),
    `UPDATE ${quote(table.name)} SET tenant_id = $1 WHERE ${rowsOf(table, scene.ownTenant)}`,
    [scene.otherTenant.id],
  );
  return answer instanceof pg.DatabaseError ? [] : [`${table.name}: a row can be moved into another tenant`];
}

/** Secret columns are not readable. */
async function secrets(probe: Probe, scene: TwoTenantFixture, table: Table): Promise<string[]> {
  const problems: string[] = [];
  for (const secret of secretColumns.filter((name) => name.startsWith(`${table.name}.`))) {
    const column = secret.slice(table.name.length + 1);
    const answer = await probe.attempt(
      APPLICATION,
      contextOf(scene.ownTenant),
      `SELECT ${quote(column)} FROM ${quote(table.name)}`,
    );
    if (!(answer instanceof pg.DatabaseError && answer.code === REFUSED)) problems.push(`${secret} can be read`);
  }
  return problems;
}

/** Returns the isolation problems of a table, found by trying each access. `stranger` must be a role without grants. */
export async function isolationProblems(probe: Probe, scene: TwoTenantFixture, table: Table): Promise<string[]> {
  if (commonTables.has(table.name)) return [];
  const problems = await deniedOwnAccess(probe, scene, table);
  for (const stranger of strangersTo(scene, table)) problems.push(...(await accessByStrangers(probe, scene, table, stranger)));
  problems.push(...(await movesToOtherTenant(probe, scene, table)), ...(await secrets(probe, scene, table)));
  return problems;
}

/**
 * Returns the references that can point to a row of another tenant. Runs as the owner, who bypasses row security, and without triggers, so
 * that only foreign keys can reject them.
 */
export async function foreignKeyProblems(probe: Probe, scene: TwoTenantFixture, table: Table): Promise<string[]> {
  const problems: string[] = [];
  const tenantTables = new Set(scene.tables.filter(isTenantTable).map(({ name }) => name));
  for (const reference of scene.references.filter((r) => r.table === table.name && tenantTables.has(r.target))) {
    const target = scene.tables.find(({ name }) => name === reference.target);
    const column = reference.columns.at(-1) ?? '';
    const [mine, theirs] = [
      await rowOf(probe.query, table, scene.ownTenant),
      target && (await rowOf(probe.query, target, scene.otherTenant)),
    ];
    if (!mine || !theirs) {
      problems.push(`${table.name}.${column}: no row to try with`);
      continue;
    }
    const attempts: [what: string, sql: string, values: unknown[]][] = [
      ['inserted', insertSql(table), [JSON.stringify({ ...copyRow(scene, table, mine), [column]: theirs.id })]],
      [
        'updated',
        `UPDATE ${quote(table.name)} SET ${quote(column)} = $1 WHERE tenant_id = $2 AND id = $3`,
        [theirs.id, scene.ownTenant.id, mine.id],
      ],
    ];
    for (const [what, sql, values] of attempts) {
      const answer = await probe.undone(async () => {
        await probe.query(`ALTER TABLE ${quote(table.name)} DISABLE TRIGGER USER`);
        return probe.query(sql, values).catch((error: pg.DatabaseError) => error);
      });
      if (!(answer instanceof pg.DatabaseError))
        problems.push(`${table.name}.${column} can be ${what} to point into another tenant`);
      else if (answer.code !== '23503')
        problems.push(`${table.name}.${column} is refused for the wrong reason: ${answer.message}`);
    }
  }
  return problems;
}
