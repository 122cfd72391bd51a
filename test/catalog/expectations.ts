import { tableModels } from '../../src/generated/data-model.ts';

/** The intended exceptions to the catalog checks, with their reasons. A new table must pass every check or be listed here. */

/** Tables without `tenant_id`. */
export const globalTables: Record<string, string> = {
  tenants: 'A tenant is its own boundary: its id is the tenant_id of other tables.',
  users: 'A user may belong to several tenants and is visible through memberships.',
  user_identities: 'Links a user to an external issuer. Read before the tenant is known.',
  mcp_servers: 'A registry: a tenant has its own entries and sees the public entries of the platform.',
  model_prices: 'Model prices are the same for every tenant.',
};

/** Global tables in which tenants have rows too. Rows without a tenant belong to the platform. */
export const sharedTables = new Set(['mcp_servers']);

/** Tables that every tenant can read. `platform.ts` tests write access. */
export const commonTables = new Set(['model_prices']);

/** Tables whose rows never change. They have `created_at` and no `updated_at`. */
export const appendOnly = new Set([
  'agent_versions',
  'messages',
  'tool_executions',
  'conversation_events',
  'audit_logs',
  'chunks',
  'rag_queries',
  'mcp_tool_executions',
  'llm_calls',
]);

/** Tables without the audit trigger. */
export const unaudited: Record<string, string> = {
  audit_logs: 'It is the audit log.',
  conversation_events: 'A log, written by triggers of audited tables.',
  chunks: 'Derived from a document, which is audited.',
  rag_queries: 'A log of questions.',
  mcp_tool_executions: 'A log of tool calls.',
  llm_calls: 'A log of model calls.',
  mcp_resources: 'A cache of the resources of a server.',
  message_drafts: 'Short-lived: it becomes a message, which is audited.',
  conversation_counts: 'Counters of audited rows.',
};

/** Columns that look like references and have no foreign key. */
export const idsWithoutForeignKey: Record<string, string> = {
  'audit_logs.user_id': 'The audit log outlives users and API keys.',
  'audit_logs.api_key_id': 'The audit log outlives users and API keys.',
  'audit_logs.resource_id': 'Refers to any table and to deleted rows.',
  'audit_logs.request_id': 'An external identifier.',
  'tool_calls.call_id': 'The id that the model assigned.',
};

/** Nullable JSON columns, where null and `{}` differ in meaning. */
export const nullableJson = new Set([
  'messages.tool_calls',
  'messages.tool_results',
  'messages.citations',
  'tool_executions.output',
  'mcp_server_configs.oauth',
  'mcp_tools.output_schema',
  'mcp_tool_executions.result',
  'agent_runs.output',
  'llm_calls.response',
  'tool_calls.output',
  'audit_logs.old_values',
  'audit_logs.new_values',
]);

/** JSON columns without a meaningful default. */
export const jsonWithoutDefault = new Set(['agent_versions.snapshot', 'evaluations.questions']);

/** References with ON DELETE CASCADE, besides those to the tenant. */
export const cascadeReferences: Record<string, string> = {
  'user_identities.user_id': 'A sign-in of the user.',
  'memberships.user_id': 'The user in a tenant.',
  'refresh_tokens.user_id': 'A session of the user.',
  'agent_versions.agent_id': 'A part of the agent.',
  'messages.conversation_id': 'A part of the conversation.',
  'tool_executions.conversation_id': 'A part of the conversation.',
  'conversation_events.conversation_id': 'A part of the conversation.',
  'documents.collection_id': 'A part of the collection.',
  'chunks.document_id': 'A part of the document.',
  'evaluation_runs.evaluation_id': 'A question of the evaluation.',
  'mcp_server_configs.server_id': 'A part of the server. Servers are deleted only with their tenant.',
  'mcp_tools.config_id': 'A capability of the configured server.',
  'mcp_resources.config_id': 'A capability of the configured server.',
  'mcp_tool_executions.config_id': 'Configurations are deleted only with their tenant.',
  'mcp_tool_executions.conversation_id': 'A part of the conversation.',
  'mcp_tool_executions.run_id': 'A part of the run.',
  'tool_executions.run_id': 'A part of the run.',
  'agent_runs.conversation_id': 'A part of the conversation.',
  'llm_calls.run_id': 'A part of the run.',
  'llm_calls.conversation_id': 'A part of the conversation.',
  'tool_calls.run_id': 'A part of the run.',
  'message_drafts.conversation_id': 'A part of the conversation.',
  'message_drafts.run_id': 'A part of the run.',
};

/** References with ON DELETE SET NULL, besides those to users. */
export const setNullReferences = new Set([
  'tool_executions.message_id',
  'tool_executions.agent_id',
  'mcp_tool_executions.agent_id',
  'mcp_tool_executions.message_id',
  'llm_calls.agent_id',
  'agent_runs.api_key_id',
  'tool_calls.mcp_tool_id',
]);

/** The grants of the application role. `()` marks column grants; the catalog snapshot lists their columns. */
export const applicationGrants: Record<string, string> = {
  // The server checks at start-up that the database is migrated.
  _prisma_migrations: 'SELECT',
  tenants: 'INSERT, SELECT, UPDATE()',
  users: 'INSERT, SELECT(), UPDATE()',
  user_identities: 'DELETE, INSERT, SELECT',
  memberships: 'DELETE, INSERT, SELECT, UPDATE()',
  invitations: 'INSERT, SELECT(), UPDATE()',
  refresh_tokens: 'INSERT, SELECT(), UPDATE()',
  api_keys: 'INSERT, SELECT(), UPDATE()',
  agents: 'INSERT, SELECT, UPDATE',
  agent_versions: 'INSERT, SELECT',
  conversations: 'INSERT, SELECT, UPDATE()',
  conversation_counts: 'INSERT, SELECT, UPDATE()',
  messages: 'INSERT, SELECT',
  tool_executions: 'INSERT, SELECT',
  conversation_events: 'INSERT, SELECT',
  collections: 'DELETE, INSERT, SELECT, UPDATE()',
  documents: 'DELETE, INSERT, SELECT, UPDATE()',
  chunks: 'DELETE, INSERT, SELECT',
  rag_queries: 'INSERT, SELECT, UPDATE()',
  evaluations: 'DELETE, INSERT, SELECT, UPDATE()',
  evaluation_runs: 'INSERT, SELECT, UPDATE()',
  mcp_servers: 'INSERT, SELECT, UPDATE()',
  mcp_server_configs: 'INSERT, SELECT, UPDATE()',
  mcp_tools: 'INSERT, SELECT, UPDATE()',
  mcp_resources: 'INSERT, SELECT, UPDATE()',
  mcp_tool_executions: 'INSERT, SELECT',
  agent_runs: 'INSERT, SELECT, UPDATE()',
  llm_calls: 'INSERT, SELECT',
  tool_calls: 'INSERT, SELECT, UPDATE()',
  message_drafts: 'DELETE, INSERT, SELECT, UPDATE()',
  model_prices: 'DELETE, INSERT, SELECT, UPDATE()',
  audit_logs: 'SELECT',
};

/** The grants of the role of the pre-authentication lookups and of the audit trigger. */
export const gateGrants: Record<string, string> = {
  tenants: 'SELECT()',
  users: 'SELECT()',
  user_identities: 'SELECT()',
  memberships: 'SELECT()',
  invitations: 'SELECT()',
  refresh_tokens: 'SELECT()',
  api_keys: 'SELECT()',
  documents: 'SELECT()',
  chunks: 'SELECT()',
  audit_logs: 'INSERT',
};

/** Columns that the application writes and never reads: those marked `@unreadable` in the Prisma schema. */
export const secretColumns = tableModels.flatMap(({ name: table, columns }) =>
  columns.filter(({ unreadable }) => unreadable).map(({ name }) => `${table}.${name}`),
);

/** Hashes of data that the tenant can read. */
export const readableHashes = ['documents.content_hash', 'mcp_tools.definition_hash', 'mcp_tools.approved_hash'];

/** Columns encrypted with keys outside the database. The application reads and decrypts them. */
export const sealedColumns = ['mcp_server_configs.oauth_secret'];

/** Tables whose rows are visible to one user only, also within a tenant. */
export const personalTables = new Set(['user_identities', 'refresh_tokens']);

const SELF = '(id = ( SELECT app.current_user_id() AS current_user_id))';
const OWN = '(user_id = ( SELECT app.current_user_id() AS current_user_id))';

export interface Policy {
  command: string;
  role: string;
  using: string | null;
  check: string | null;
  restrictive?: boolean;
}

export const tenantIsolation: Policy = {
  command: 'ALL',
  role: 'agentbase_app',
  using: '(tenant_id = ( SELECT app.current_tenant_id() AS current_tenant_id))',
  check: '(tenant_id = ( SELECT app.current_tenant_id() AS current_tenant_id))',
};

const OWN_OR_PLATFORM =
  '((tenant_id = ( SELECT app.current_tenant_id() AS current_tenant_id)) OR ' +
  '((tenant_id IS NULL) AND ( SELECT app.is_platform_admin() AS is_platform_admin)))';
const PLATFORM = '( SELECT app.is_platform_admin() AS is_platform_admin)';

const gateLookup: Policy = { command: 'SELECT', role: 'agentbase_gate', using: 'true', check: null };

/** Policies besides the `tenant_isolation` of every tenant table. */
export const otherPolicies: Record<string, Policy> = {
  'tenants.tenant_isolation': {
    command: 'ALL',
    role: 'agentbase_app',
    using: '(id = ( SELECT app.current_tenant_id() AS current_tenant_id))',
    check: '(id = ( SELECT app.current_tenant_id() AS current_tenant_id))',
  },
  'users.visible_by_membership': {
    command: 'SELECT',
    role: 'agentbase_app',
    using:
      '((id = ( SELECT app.current_user_id() AS current_user_id)) OR ( SELECT true FROM memberships m ' +
      'WHERE ((m.tenant_id = ( SELECT app.current_tenant_id() AS current_tenant_id)) AND (m.user_id = users.id))))',
    check: null,
  },
  'users.create_self': {
    command: 'INSERT',
    role: 'agentbase_app',
    using: null,
    check:
      "((id = ( SELECT app.current_user_id() AS current_user_id)) AND (NOT is_platform_admin) AND (status = 'ACTIVE'::user_status))",
  },
  'users.change_self': { command: 'UPDATE', role: 'agentbase_app', using: SELF, check: SELF },
  'user_identities.own_identities': { command: 'ALL', role: 'agentbase_app', using: OWN, check: OWN },
  'refresh_tokens.own_sessions': { command: 'ALL', role: 'agentbase_app', using: OWN, check: OWN, restrictive: true },
  'mcp_servers.visible': {
    command: 'SELECT',
    role: 'agentbase_app',
    using:
      '((tenant_id = ( SELECT app.current_tenant_id() AS current_tenant_id)) OR ' +
      '((tenant_id IS NULL) AND (( SELECT app.current_tenant_id() AS current_tenant_id) IS NOT NULL) AND ' +
      '(is_public OR ( SELECT app.is_platform_admin() AS is_platform_admin))))',
    check: null,
  },
  'mcp_servers.add_own': { command: 'INSERT', role: 'agentbase_app', using: null, check: OWN_OR_PLATFORM },
  'mcp_servers.change_own': { command: 'UPDATE', role: 'agentbase_app', using: OWN_OR_PLATFORM, check: OWN_OR_PLATFORM },
  'model_prices.visible': {
    command: 'SELECT',
    role: 'agentbase_app',
    using: '(( SELECT app.current_tenant_id() AS current_tenant_id) IS NOT NULL)',
    check: null,
  },
  'model_prices.add_price': { command: 'INSERT', role: 'agentbase_app', using: null, check: PLATFORM },
  'model_prices.change_price': { command: 'UPDATE', role: 'agentbase_app', using: PLATFORM, check: PLATFORM },
  'model_prices.remove_price': { command: 'DELETE', role: 'agentbase_app', using: PLATFORM, check: null },
  'tenants.gate_lookup': gateLookup,
  'users.gate_lookup': gateLookup,
  'user_identities.gate_lookup': gateLookup,
  'memberships.gate_lookup': gateLookup,
  'invitations.gate_lookup': gateLookup,
  'refresh_tokens.gate_lookup': gateLookup,
  'api_keys.gate_lookup': gateLookup,
  'documents.gate_lookup': gateLookup,
  'chunks.gate_lookup': gateLookup,
  'audit_logs.gate_insert': { command: 'INSERT', role: 'agentbase_gate', using: null, check: 'true' },
};

/** SECURITY DEFINER functions with their owner and callers. `owner` is the role that runs the migrations. */
export const definerFunctions: Record<string, { owner: 'owner' | 'agentbase_gate'; callers: string[] }> = {
  'app.find_credentials': { owner: 'agentbase_gate', callers: ['agentbase_app'] },
  'app.find_identity': { owner: 'agentbase_gate', callers: ['agentbase_app'] },
  'app.find_membership': { owner: 'agentbase_gate', callers: ['agentbase_app'] },
  'app.my_tenants': { owner: 'agentbase_gate', callers: ['agentbase_app'] },
  'app.find_api_key': { owner: 'agentbase_gate', callers: ['agentbase_app'] },
  'app.find_refresh_token': { owner: 'agentbase_gate', callers: ['agentbase_app'] },
  'app.find_invitation': { owner: 'agentbase_gate', callers: ['agentbase_app'] },
  'app.match_chunks': { owner: 'agentbase_gate', callers: ['agentbase_app'] },
  'app.audit_failure': { owner: 'agentbase_gate', callers: ['agentbase_app'] },
  'app.write_audit': { owner: 'agentbase_gate', callers: [] },
  // Firing a trigger needs no EXECUTE privilege. With it, a role could attach the function to its own tables.
  'app.audit': { owner: 'agentbase_gate', callers: [] },
  'app.make_partition': { owner: 'owner', callers: [] },
  'app.maintain_partitions': { owner: 'owner', callers: ['agentbase_app'] },
};
