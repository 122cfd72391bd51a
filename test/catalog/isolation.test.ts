import { expect, test } from 'vitest';
import { testDatabase } from '../testkit/database.ts';
import { type Probe, rolledBack } from '../testkit/roles.ts';
import type { Table } from './catalog.ts';
import { policiesAreExpected, readPolicies } from './checks/row-security.ts';
import { foreignKeyProblems, isolationProblems } from './isolation.ts';
import { platformProblems } from './platform.ts';
import { auditProblems, lookupProblems } from './pre-auth-lookups.ts';
import { createTwoTenantFixture, quote, type TwoTenantFixture } from './two-tenant-fixture.ts';

/** For a machine several times slower than the slowest that runs the suite: each test executes thousands of statements. */
const timeout = 300_000;

/** Two tenants and a temporary role without grants. */
async function withScene<T>(work: (probe: Probe, scene: TwoTenantFixture) => Promise<T>): Promise<T> {
  const db = await testDatabase();
  const scene = await createTwoTenantFixture(db, db.ownerQuery);
  return rolledBack(db, async (probe) => {
    await probe.query('CREATE ROLE stranger NOLOGIN; GRANT USAGE ON SCHEMA app TO stranger');
    return work(probe, scene);
  });
}

async function ofEveryTable(scene: TwoTenantFixture, check: (table: Table) => Promise<string[]>): Promise<string[]> {
  const problems: string[] = [];
  for (const table of scene.tables) problems.push(...(await check(table)));
  return problems;
}

test('only its own tenant can read, change, delete and add rows of a table', { timeout }, async () => {
  const problems = await withScene((probe, scene) => ofEveryTable(scene, (table) => isolationProblems(probe, scene, table)));
  expect(problems).toEqual([]);
});

test('foreign keys reject references to rows of another tenant', { timeout }, async () => {
  const problems = await withScene((probe, scene) => ofEveryTable(scene, (table) => foreignKeyProblems(probe, scene, table)));
  expect(problems).toEqual([]);
});

test('lookups before authentication find a row only by its secret', { timeout }, async () => {
  expect(await withScene(lookupProblems)).toEqual([]);
});

test('tenants read the global tables and only platform admins change them', { timeout }, async () => {
  expect(await withScene(platformProblems)).toEqual([]);
});

test('every change is audited by the database', { timeout }, async () => {
  expect(await withScene(auditProblems)).toEqual([]);
});

/** Whether a check that depends on the policies of one table reports a problem. The likeliest comes first; the first report ends the search. */
async function isDetected(probe: Probe, scene: TwoTenantFixture, name: string): Promise<boolean> {
  const table = scene.tables.find((candidate) => candidate.name === name);
  if (!table) throw new Error(`there is no table ${name}`);
  const checks = [
    () => isolationProblems(probe, scene, table),
    () => platformProblems(probe, scene),
    () => lookupProblems(probe, scene),
    () => auditProblems(probe, scene),
  ];
  for (const check of checks) if ((await check()).length > 0) return true;
  return false;
}

test('detects the removal of any policy, in the catalog and by its effect', { timeout }, async () => {
  const unseen = await withScene(async (probe, scene) => {
    const policies = await readPolicies(probe.query);
    expect(policies.length).toBeGreaterThan(20);
    const missed: string[] = [];
    for (const { table, name } of policies) {
      await probe.undone(async () => {
        await probe.query(`DROP POLICY ${quote(name)} ON ${quote(table)}`);
        if ((await policiesAreExpected(probe.query)).length === 0) missed.push(`catalog: ${table}.${name}`);
        if (!(await isDetected(probe, scene, table))) missed.push(`behaviour: ${table}.${name}`);
      });
    }
    return missed;
  });
  expect(unseen).toEqual([]);
});

test('detects a policy that allows every row, by its effect', { timeout }, async () => {
  const unseen = await withScene(async (probe, scene) => {
    const missed: string[] = [];
    for (const { table, name, role, using, check } of await readPolicies(probe.query)) {
      // The policies of the gate role are `true`: only its grants restrict it.
      if (role === 'agentbase_gate') continue;
      await probe.undone(async () => {
        const open = `${using === null ? '' : 'USING (true)'} ${check === null ? '' : 'WITH CHECK (true)'}`;
        await probe.query(`ALTER POLICY ${quote(name)} ON ${quote(table)} ${open}`);
        if (!(await isDetected(probe, scene, table))) missed.push(`${table}.${name}`);
      });
    }
    return missed;
  });
  expect(unseen).toEqual([]);
});

test('detects disabled row security, by its effect', { timeout }, async () => {
  const unseen = await withScene(async (probe, scene) => {
    const missed: string[] = [];
    for (const { name } of scene.tables) {
      await probe.undone(async () => {
        await probe.query(`ALTER TABLE ${quote(name)} DISABLE ROW LEVEL SECURITY`);
        if (!(await isDetected(probe, scene, name))) missed.push(name);
      });
    }
    return missed;
  });
  expect(unseen).toEqual([]);
});

test('detects a foreign key without tenant_id', { timeout }, async () => {
  const problems = await withScene(async (probe, scene) => {
    await probe.query(`
      CREATE UNIQUE INDEX agents_id_key ON agents (id);
      ALTER TABLE conversations DROP CONSTRAINT conversations_tenant_id_agent_id_fkey;
      ALTER TABLE conversations ADD FOREIGN KEY (agent_id) REFERENCES agents (id)`);
    return ofEveryTable(scene, (table) => foreignKeyProblems(probe, scene, table));
  });
  expect(problems).toEqual([
    'conversations.agent_id can be inserted to point into another tenant',
    'conversations.agent_id can be updated to point into another tenant',
  ]);
});
