/**
 * What the checks cannot read from the catalog, because somebody has to mean it. A new table is tested by the rules from its first
 * day; whatever it needs beyond them is written here, with its reason.
 */

/** Tables without `tenant_id`. */
export const globalTables: Record<string, string> = {
  tenants: 'A tenant is its own boundary: its id is what tenant_id is everywhere else.',
  users: 'A person may belong to several tenants, and is seen through their memberships.',
  user_identities: 'How an external issuer knows a person, before any tenant is known.',
  mcp_servers: 'A registry: a tenant has entries of its own, and sees those that the platform shows to all.',
  model_prices: 'What models cost is the same for everybody.',
};

/** Global tables of which tenants have rows of their own: those without a tenant are the platform's. */
export const sharedTables = new Set(['mcp_servers']);

/** Tables that every tenant reads and nobody owns. Who may write them has tests of its own. */
export const commonTables = new Set(['model_prices']);

/** Tables whose rows never change, so that `created_at` says it all. */
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
  conversation_events: 'A log as well, written by the triggers of tables that are audited.',
  chunks: 'Made by the machine from a document, which is audited.',
  rag_queries: 'A log of what was asked.',
  mcp_tool_executions: 'A log of what was called.',
  llm_calls: 'A log of what models were asked.',
  mcp_resources: 'What a server said it has, read again at any time.',
  message_drafts: 'Gone in seconds: what it becomes is a message, which is audited.',
  conversation_counts: 'Numbers of rows that are audited.',
};

/** Columns that look like references and have no foreign key. */
export const looseReferences: Record<string, string> = {
  'audit_logs.user_id': 'History outlives whom it tells of.',
  'audit_logs.api_key_id': 'History outlives whom it tells of.',
  'audit_logs.resource_id': 'Any table, and rows that are gone.',
  'audit_logs.request_id': 'An identifier from outside.',
  'tool_calls.call_id': "The model's own name for it.",
};

/** JSON that may be absent, where absence says something that `{}` would not. */
export const optionalJson = new Set([
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

/** JSON that no default could stand for. */
export const requiredJson = new Set(['agent_versions.snapshot', 'evaluations.questions']);

/** References whose rows go with the row they point at. Everything that points at its tenant is one. */
export const cascades: Record<string, string> = {
  'user_identities.user_id': 'A sign-in of that person.',
  'memberships.user_id': 'The person themselves, in a tenant.',
  'refresh_tokens.user_id': 'A session of that person.',
  'agent_versions.agent_id': 'A version is a part of its agent.',
  'messages.conversation_id': 'A part of the conversation.',
  'tool_executions.conversation_id': 'A part of the conversation.',
  'conversation_events.conversation_id': 'A part of the conversation.',
  'documents.collection_id': 'A part of the collection.',
  'chunks.document_id': 'A part of the document.',
  'evaluation_runs.evaluation_id': 'A question of the evaluation.',
  'mcp_server_configs.server_id': 'Nothing is left to configure. Servers go with their tenant alone.',
  'mcp_tools.config_id': 'What the configured server offers.',
  'mcp_resources.config_id': 'What the configured server offers.',
  'mcp_tool_executions.config_id': 'Configurations go with their tenant alone.',
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

/** References to who or what did something: the row stays, the reference is emptied. Those to users need no mention. */
export const emptied = new Set([
  'tool_executions.message_id',
  'tool_executions.agent_id',
  'mcp_tool_executions.agent_id',
  'mcp_tool_executions.message_id',
  'llm_calls.agent_id',
  'agent_runs.api_key_id',
  'tool_calls.mcp_tool_id',
]);

/** What the application may do. `()` stands for some columns only; the catalog snapshot names them. */
export const applicationGrants: Record<string, string> = {
  // The server refuses to start on a database that is not migrated.
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

/** What the functions may do that look before a tenant is known, and the one that writes the audit log. */
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

/** Columns that the application writes and never reads. */
export const secretColumns = ['users.password_hash', 'invitations.token_hash', 'refresh_tokens.token_hash', 'api_keys.key_hash'];

/** Hashes of what the tenant may see anyway. */
export const openHashes = ['documents.content_hash', 'mcp_tools.definition_hash', 'mcp_tools.approved_hash'];

/** Sealed under keys that the database does not have, for the application to open. */
export const sealedColumns = ['mcp_server_configs.oauth_secret'];

/** Tables whose rows are for one person alone, even among the members of a tenant. */
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

/** Functions that run with the rights of their owner, and who may call them. `owner` is whoever migrates. */
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
  // A trigger calls its function whoever acts: a right to call it would be a right to hang it on a table of one's own.
  'app.audit': { owner: 'agentbase_gate', callers: [] },
  'app.make_partition': { owner: 'owner', callers: [] },
  'app.maintain_partitions': { owner: 'owner', callers: ['agentbase_app'] },
};
