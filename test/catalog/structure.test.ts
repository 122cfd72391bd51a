import { expect, test } from 'vitest';
import { testDatabase } from '../testkit/database.ts';
import { rolledBack } from '../testkit/roles.ts';
import type { Check } from './catalog.ts';
import * as partitions from './checks/partitions.ts';
import * as privileges from './checks/privileges.ts';
import * as references from './checks/references.ts';
import { everyPolicyIsMeant, everyTableHasForcedRowSecurity } from './checks/row-security.ts';
import * as tables from './checks/tables.ts';

const checks: Record<string, Check> = {
  ...tables,
  ...references,
  everyTableHasForcedRowSecurity,
  everyPolicyIsMeant,
  ...privileges,
  ...partitions,
};

test.each(Object.entries(checks))('%s', async (_name, check) => {
  const db = await testDatabase();
  expect(await rolledBack(db, ({ query }) => check(query))).toEqual([]);
});

/** Each statement violates one rule. The named check must detect it. */
const breaks: [name: string, sql: string][] = [
  ['everyTableIsClassified', 'CREATE TABLE notes (id uuid PRIMARY KEY)'],
  ['everyTableIsClassified', 'CREATE VIEW everything AS SELECT * FROM agents'],
  ['everyKeyStartsWithItsTenant', 'CREATE TABLE notes (tenant_id uuid, id uuid PRIMARY KEY)'],
  ['everyTenantHasItsDefault', 'ALTER TABLE agents ALTER tenant_id DROP DEFAULT'],
  ['everyTableKeepsItsTimes', 'ALTER TABLE agents ALTER created_at TYPE timestamp'],
  ['everyTableKeepsItsTimes', 'DROP TRIGGER touch_updated_at ON agents'],
  ['everyBusinessTableIsAudited', 'DROP TRIGGER audit ON agents'],
  ['everyBusinessTableIsAudited', 'ALTER TABLE messages DISABLE TRIGGER audit'],
  ['everythingIsExplained', 'COMMENT ON COLUMN agents.name IS NULL'],
  ['everyColumnHasItsType', 'ALTER TABLE agents ALTER metadata DROP NOT NULL'],
  ['everyReferenceStaysInItsTenant', 'ALTER TABLE agents DROP CONSTRAINT agents_tenant_id_fkey'],
  [
    'everyReferenceStaysInItsTenant',
    'CREATE UNIQUE INDEX only_id ON agents (id); ALTER TABLE conversations ADD FOREIGN KEY (agent_id) REFERENCES agents (id)',
  ],
  ['everyIdIsHeld', 'ALTER TABLE messages ADD thread_id uuid'],
  [
    'everyDeletionIsStated',
    'ALTER TABLE tool_executions ADD FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id) ON DELETE SET NULL',
  ],
  [
    'everyDeletionIsStated',
    'ALTER TABLE messages ADD FOREIGN KEY (tenant_id, conversation_id) REFERENCES conversations (tenant_id, id)',
  ],
  ['everyPersonIsAMember', 'DROP TRIGGER check_people ON agents'],
  ['everyPersonIsAMember', 'ALTER TABLE documents ADD reviewed_by_id uuid REFERENCES users (id) ON DELETE SET NULL'],
  ['everyReferenceHasAnIndex', 'DROP INDEX agents_created_by_id_idx'],
  ['everyTableHasForcedRowSecurity', 'ALTER TABLE agents NO FORCE ROW LEVEL SECURITY'],
  ['everyTableHasForcedRowSecurity', 'ALTER TABLE partitions.audit_logs_default DISABLE ROW LEVEL SECURITY'],
  ['everyPolicyIsMeant', 'ALTER POLICY tenant_isolation ON agents USING (true)'],
  ['everyPolicyIsMeant', 'CREATE POLICY back_door ON agents USING (true)'],
  ['rolesArePlain', 'ALTER ROLE agentbase_app BYPASSRLS'],
  ['rolesArePlain', 'ALTER TABLE agents OWNER TO agentbase_app'],
  ['rolesArePlain', 'GRANT agentbase_gate TO agentbase_app'],
  ['rolesArePlain', 'GRANT CREATE ON SCHEMA app TO agentbase_app'],
  ['everyGrantIsMeant', 'GRANT DELETE ON audit_logs TO agentbase_app'],
  ['everyGrantIsMeant', 'GRANT SELECT ON users TO agentbase_gate'],
  ['everyGrantIsMeant', 'GRANT SELECT ON agents TO PUBLIC'],
  ['everyGrantIsMeant', 'GRANT SELECT ON partitions.audit_logs_default TO agentbase_app'],
  ['readableColumnsAreGranted', 'REVOKE SELECT ON agents FROM agentbase_app'],
  ['readableColumnsAreGranted', 'GRANT SELECT (key_hash) ON api_keys TO agentbase_app'],
  ['readableColumnsAreGranted', 'ALTER TABLE agents ADD search tsvector'],
  ['secretsAreUnreadable', 'GRANT SELECT (password_hash) ON users TO agentbase_app'],
  ['secretsAreUnreadable', 'ALTER TABLE agents ADD webhook_secret text'],
  ['definerFunctionsAreNarrow', 'ALTER FUNCTION app.find_api_key RESET search_path'],
  ['definerFunctionsAreNarrow', 'GRANT EXECUTE ON FUNCTION app.write_audit TO PUBLIC'],
  ['definerFunctionsAreNarrow', 'ALTER FUNCTION app.uuid_v7 SECURITY DEFINER'],
  ['everyPartitionedTableIsKept', 'DROP TABLE partitions.audit_logs_default'],
  ['everyPartitionStandsApart', 'ALTER TABLE partitions.audit_logs_default SET SCHEMA public'],
];

test.each(breaks)('%s detects: %s', async (name, sql) => {
  const db = await testDatabase();
  const problems = await rolledBack(db, async ({ query }) => {
    await query(sql);
    return checks[name]?.(query);
  });
  expect(problems).not.toEqual([]);
});

test('every check has a violation that it detects', () => {
  expect(new Set(breaks.map(([name]) => name))).toEqual(new Set(Object.keys(checks)));
});
