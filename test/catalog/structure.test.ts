import { expect, test } from 'vitest';
import { testDatabase } from '../testkit/database.ts';
import { rolledBack } from '../testkit/roles.ts';
import type { Check } from './catalog.ts';
import * as partitions from './checks/partitions.ts';
import * as privileges from './checks/privileges.ts';
import * as references from './checks/references.ts';
import { policiesAreExpected, rowSecurityIsEnabledAndForced } from './checks/row-security.ts';
import * as tables from './checks/tables.ts';

const checks: Record<string, Check> = {
  ...tables,
  ...references,
  rowSecurityIsEnabledAndForced,
  policiesAreExpected,
  ...privileges,
  ...partitions,
};

test.each(Object.entries(checks))('%s', async (_name, check) => {
  const db = await testDatabase();
  expect(await rolledBack(db, ({ query }) => check(query))).toEqual([]);
});

/** Each statement violates one rule. The named check must detect it. */
const violations: [name: string, sql: string][] = [
  ['tablesAreClassified', 'CREATE TABLE notes (id uuid PRIMARY KEY)'],
  ['tablesAreClassified', 'CREATE VIEW everything AS SELECT * FROM agents'],
  ['primaryKeysStartWithTenantId', 'CREATE TABLE notes (tenant_id uuid, id uuid PRIMARY KEY)'],
  ['tenantIdDefaultsToCurrentTenant', 'ALTER TABLE agents ALTER tenant_id DROP DEFAULT'],
  ['timestampsAreDeclaredAndMaintained', 'ALTER TABLE agents ALTER created_at TYPE timestamp'],
  ['timestampsAreDeclaredAndMaintained', 'DROP TRIGGER touch_updated_at ON agents'],
  ['businessTablesAreAudited', 'DROP TRIGGER audit ON agents'],
  ['businessTablesAreAudited', 'ALTER TABLE messages DISABLE TRIGGER audit'],
  ['tablesAndColumnsHaveComments', 'COMMENT ON COLUMN agents.name IS NULL'],
  ['jsonAndMoneyColumnsHaveStandardTypes', 'ALTER TABLE agents ALTER metadata DROP NOT NULL'],
  ['foreignKeysStayInTheTenant', 'ALTER TABLE agents DROP CONSTRAINT agents_tenant_id_fkey'],
  [
    'foreignKeysStayInTheTenant',
    'CREATE UNIQUE INDEX only_id ON agents (id); ALTER TABLE conversations ADD FOREIGN KEY (agent_id) REFERENCES agents (id)',
  ],
  ['idColumnsHaveForeignKeys', 'ALTER TABLE messages ADD thread_id uuid'],
  [
    'onDeleteActionsAreExpected',
    'ALTER TABLE tool_executions ADD FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id) ON DELETE SET NULL',
  ],
  [
    'onDeleteActionsAreExpected',
    'ALTER TABLE messages ADD FOREIGN KEY (tenant_id, conversation_id) REFERENCES conversations (tenant_id, id)',
  ],
  ['userReferencesAreMembers', 'DROP TRIGGER check_people ON agents'],
  ['userReferencesAreMembers', 'ALTER TABLE documents ADD reviewed_by_id uuid REFERENCES users (id) ON DELETE SET NULL'],
  ['foreignKeysHaveIndexes', 'DROP INDEX agents_created_by_id_idx'],
  ['rowSecurityIsEnabledAndForced', 'ALTER TABLE agents NO FORCE ROW LEVEL SECURITY'],
  ['rowSecurityIsEnabledAndForced', 'ALTER TABLE partitions.audit_logs_default DISABLE ROW LEVEL SECURITY'],
  ['policiesAreExpected', 'ALTER POLICY tenant_isolation ON agents USING (true)'],
  ['policiesAreExpected', 'CREATE POLICY back_door ON agents USING (true)'],
  ['applicationRolesAreUnprivileged', 'ALTER ROLE agentbase_app BYPASSRLS'],
  ['applicationRolesAreUnprivileged', 'ALTER TABLE agents OWNER TO agentbase_app'],
  ['applicationRolesAreUnprivileged', 'GRANT agentbase_gate TO agentbase_app'],
  ['applicationRolesAreUnprivileged', 'GRANT CREATE ON SCHEMA app TO agentbase_app'],
  ['grantsAreExpected', 'GRANT DELETE ON audit_logs TO agentbase_app'],
  ['grantsAreExpected', 'GRANT SELECT ON users TO agentbase_gate'],
  ['grantsAreExpected', 'GRANT SELECT ON agents TO PUBLIC'],
  ['grantsAreExpected', 'GRANT SELECT ON partitions.audit_logs_default TO agentbase_app'],
  ['readableColumnsAreGranted', 'REVOKE SELECT ON agents FROM agentbase_app'],
  ['readableColumnsAreGranted', 'GRANT SELECT (key_hash) ON api_keys TO agentbase_app'],
  ['readableColumnsAreGranted', 'ALTER TABLE agents ADD search tsvector'],
  ['secretColumnsAreUnreadable', 'GRANT SELECT (password_hash) ON users TO agentbase_app'],
  ['secretColumnsAreUnreadable', 'ALTER TABLE agents ADD webhook_secret text'],
  ['securityDefinerFunctionsAreRestricted', 'ALTER FUNCTION app.find_api_key RESET search_path'],
  ['securityDefinerFunctionsAreRestricted', 'GRANT EXECUTE ON FUNCTION app.write_audit TO PUBLIC'],
  ['securityDefinerFunctionsAreRestricted', 'ALTER FUNCTION app.uuid_v7 SECURITY DEFINER'],
  ['partitionedTablesAreRegistered', 'DROP TABLE partitions.audit_logs_default'],
  ['partitionsAreInTheirSchema', 'ALTER TABLE partitions.audit_logs_default SET SCHEMA public'],
];

test.each(violations)('%s detects: %s', async (name, sql) => {
  const db = await testDatabase();
  const problems = await rolledBack(db, async ({ query }) => {
    await query(sql);
    return checks[name]?.(query);
  });
  expect(problems).not.toEqual([]);
});

test('every check has a violation that it detects', () => {
  expect(new Set(violations.map(([name]) => name))).toEqual(new Set(Object.keys(checks)));
});
