import {
  permissionsOf,
  permissionsOfScope,
  type Role,
  registeredPermissions,
  registeredScopes,
} from '../../src/platform/auth/permissions.ts';
import { encodeGlobalId } from '../../src/platform/graphql/kit/global-id.ts';
import { newId } from '../../src/platform/lib/ids.ts';
import { type Clients, randomHash, type TestTenant, unique } from '../testkit/tenants.ts';

/** An action that grants, revokes or delegates rights. */
export interface Act {
  title: string;
  mutation: string;
  /** All permissions that the act takes. */
  takes: readonly string[];
  /** The lowest role that may do it, where the rank counts. */
  rank?: Role;
  /** A new object and the input that names it, for each call. */
  input(tenant: TestTenant, clients: Clients): Promise<Record<string, unknown>>;
}

const enumName = (value: string) => value.replace(':', '_').toUpperCase();
const node = (typename: string, id: string) => encodeGlobalId(typename, id);
const address = () => `${unique('guest')}@example.test`;
/** The last member of a role, who is not the viewer. */
const member = (tenant: TestTenant, role: Role) => {
  const found = tenant.members.findLast((candidate) => candidate.role === role);
  if (!found) throw new Error(`the tenant has no ${role}`);
  return found;
};

const MCP = { mcp: 'files', name: 'read_file' };
const SEARCH = { name: 'search_knowledge' };
const approved = (tool: object) => ({ ...tool, approval: true });

const created = (title: string, tools: object[], takes: string[]): Act => ({
  title: `creates an agent with ${title}`,
  mutation: 'createAgent',
  takes: ['agent:configure', ...takes],
  input: async () => ({ name: unique('agent'), provider: 'built-in', model: 'extractive', tools }),
});

const updated = (title: string, before: object[], change: Record<string, unknown>, takes: string[]): Act => ({
  title: `updates an agent: ${title}`,
  mutation: 'updateAgent',
  takes: ['agent:configure', ...takes],
  input: async (tenant) => {
    const { id } = await tenant.row('agents', { tools: before });
    return { id: node('Agent', id), ...change };
  },
});

const agents: Act[] = [
  created('built-in tools', [{ name: 'calculator' }, { name: 'current_time' }], []),
  created('a tool of another runtime', [{ name: 'own' }], []),
  created('an MCP tool', [MCP], ['mcp:execute']),
  created('all tools of an MCP server', [{ mcp: 'files', name: '*' }], ['mcp:execute']),
  created('search of all collections', [SEARCH], ['knowledge:read']),
  created('search of one collection', [{ ...SEARCH, collections: ['handbook'] }], ['knowledge:read']),
  created('both', [approved(SEARCH), approved(MCP)], ['knowledge:read', 'mcp:execute']),
  updated('adds an MCP tool', [], { tools: [MCP] }, ['mcp:execute']),
  updated('adds a collection', [{ name: 'calculator' }], { tools: [SEARCH] }, ['knowledge:read']),
  updated('instructs an agent with an MCP tool', [MCP], { systemPrompt: 'Call it.' }, ['mcp:execute']),
  updated('instructs an agent that searches', [SEARCH], { systemPrompt: 'Search.' }, ['knowledge:read']),
  updated('removes its tools', [MCP, SEARCH], { tools: [] }, []),
  updated('requires approval', [MCP], { tools: [approved(MCP)] }, ['mcp:execute']),
  updated('takes approval off', [approved(MCP)], { tools: [MCP] }, ['mcp:execute', 'agent:approve']),
  updated('takes approval off a built-in tool', [approved({ name: 'calculator' })], { tools: [{ name: 'calculator' }] }, [
    'agent:approve',
  ]),
  updated(
    'drops the narrower reference that requires approval',
    [{ mcp: 'files', name: '*' }, approved(MCP)],
    {
      tools: [{ mcp: 'files', name: '*' }],
    },
    ['mcp:execute', 'agent:approve'],
  ),
  updated('names single tools in place of all, without approval', [approved({ mcp: 'files', name: '*' })], { tools: [MCP] }, [
    'mcp:execute',
    'agent:approve',
  ]),
  updated('names all tools in place of one, with approval', [approved(MCP)], { tools: [approved({ mcp: 'files', name: '*' })] }, [
    'mcp:execute',
  ]),
];

const mcpTools: Act[] = [
  {
    title: 'lets agents call an MCP tool without approval',
    mutation: 'updateMcpTool',
    takes: ['mcp:configure', 'mcp:execute', 'agent:approve'],
    input: async (tenant) => {
      const { id } = await tenant.row('mcp_tools', { requires_approval: true });
      return { id: node('McpTool', id), requiresApproval: false };
    },
  },
];

const approvals: Act[] = [
  ['BUILT_IN', []],
  ['KNOWLEDGE', ['knowledge:read']],
  ['MCP', ['mcp:execute']],
].map(([source, takes]) => ({
  title: `approves a call of the source ${source}`,
  mutation: 'approveToolCall',
  takes: ['agent:approve', ...(takes as string[])],
  input: async (tenant) => {
    const run = await tenant.row('agent_runs', { status: 'WAITING_APPROVAL' });
    const { id } = await tenant.row('tool_calls', { run_id: run.id, source, status: 'WAITING_APPROVAL' });
    return { id: node('ToolCall', id) };
  },
}));

const runs: Act[] = [
  {
    title: 'sends a message',
    mutation: 'sendMessage',
    takes: ['agent:execute', 'conversation:write'],
    input: async (tenant) => ({
      conversationId: node('Conversation', (await tenant.row('conversations')).id),
      content: 'Hello',
    }),
  },
  {
    title: 'starts a run in a conversation',
    mutation: 'startAgentRun',
    takes: ['agent:execute', 'conversation:write'],
    input: async (tenant) => ({
      agentId: node('Agent', await tenant.anyId('agents')),
      conversationId: node('Conversation', (await tenant.row('conversations')).id),
      input: { text: 'Hello' },
    }),
  },
  {
    title: 'starts a run',
    mutation: 'startAgentRun',
    takes: ['agent:execute'],
    input: async (tenant) => ({ agentId: node('Agent', await tenant.anyId('agents')), input: { text: 'Hello' } }),
  },
];

const keys: Act[] = [
  ...registeredScopes().map(
    (scope): Act => ({
      title: `creates an API key with the scope ${scope}`,
      mutation: 'createApiKey',
      takes: ['apikey:manage', ...permissionsOfScope(scope)],
      input: async () => ({ name: 'Key', scopes: [enumName(scope)] }),
    }),
  ),
  ...(['OWNER', 'ADMIN', 'MEMBER'] as const).map(
    (role): Act => ({
      title: `revokes an API key of the role ${role}`,
      mutation: 'revokeApiKey',
      takes: ['apikey:manage', ...permissionsOf(role)],
      rank: role,
      input: async (tenant) => ({
        id: node('ApiKey', (await tenant.row('api_keys', { user_id: member(tenant, role).userId })).id),
      }),
    }),
  ),
];

const invitations: Act[] = (['OWNER', 'ADMIN', 'MEMBER', 'VIEWER'] as const).flatMap((role): Act[] => [
  {
    title: `invites to the role ${role}`,
    mutation: 'inviteMember',
    takes: ['member:manage', ...permissionsOf(role)],
    rank: role,
    input: async () => ({ email: address(), role }),
  },
  {
    title: `revokes an invitation to the role ${role}`,
    mutation: 'revokeInvitation',
    takes: ['member:manage', ...permissionsOf(role)],
    rank: role,
    input: async (tenant) => ({
      id: node('Invitation', (await tenant.row('invitations', { role, invited_by_id: null, token_hash: randomHash() })).id),
    }),
  },
  {
    title: `revokes an invitation that a member of the role ${role} made`,
    mutation: 'revokeInvitation',
    takes: ['member:manage', ...permissionsOf(role)],
    rank: role,
    input: async (tenant) => {
      const values = { role: 'VIEWER', invited_by_id: member(tenant, role).userId, token_hash: randomHash() };
      return { id: node('Invitation', (await tenant.row('invitations', values)).id) };
    },
  },
  {
    title: `replaces an invitation to the role ${role}`,
    mutation: 'inviteMember',
    takes: ['member:manage', ...permissionsOf(role)],
    rank: role,
    input: async (tenant) => {
      const email = address();
      const expires_at = new Date(Date.now() + 86_400_000);
      await tenant.row('invitations', { role, email, invited_by_id: null, token_hash: randomHash(), expires_at });
      return { email, role: 'VIEWER' };
    },
  },
]);

/** Another member, who was granted permissions. */
async function newMember(tenant: TestTenant, clients: Clients, role: Role, permissions: string[] = []): Promise<string> {
  const { database, prisma } = clients;
  const [id, userId] = [newId(), newId()];
  await database.transactionAs({ tenantId: tenant.id, userId }, async () => {
    await prisma.user.create({ data: { id: userId, email: address() } });
    await prisma.membership.create({ data: { tenantId: tenant.id, id, userId, role, permissions } });
  });
  return node('Membership', id);
}

const members: Act[] = [
  ...(['OWNER', 'ADMIN', 'MEMBER', 'VIEWER'] as const).flatMap((role): Act[] => {
    const rights = { takes: ['member:manage', ...permissionsOf(role)], rank: role };
    return [
      {
        title: `grants the role ${role}`,
        mutation: 'updateMember',
        ...rights,
        input: async (tenant, clients) => ({ id: await newMember(tenant, clients, 'VIEWER'), role }),
      },
      {
        title: `takes the role ${role} away`,
        mutation: 'updateMember',
        ...rights,
        input: async (tenant, clients) => ({ id: await newMember(tenant, clients, role), role: 'VIEWER' }),
      },
      {
        title: `removes a member of the role ${role}`,
        mutation: 'removeMember',
        ...rights,
        input: async (tenant, clients) => ({ id: await newMember(tenant, clients, role) }),
      },
    ];
  }),
  ...registeredPermissions().flatMap((permission): Act[] => {
    const takes = ['member:manage', ...permissionsOf('MEMBER'), permission];
    return [
      {
        title: `grants ${permission}`,
        mutation: 'updateMember',
        takes,
        input: async (tenant, clients) => ({
          id: await newMember(tenant, clients, 'MEMBER'),
          permissions: [enumName(permission)],
        }),
      },
      {
        title: `takes ${permission} away`,
        mutation: 'updateMember',
        takes,
        input: async (tenant, clients) => ({ id: await newMember(tenant, clients, 'MEMBER', [permission]), permissions: [] }),
      },
    ];
  }),
];

const uploads: Act[] = [
  {
    title: 'creates an upload URL',
    mutation: 'createUpload',
    takes: ['knowledge:write'],
    input: async (tenant) => ({
      collectionId: node('Collection', await tenant.anyId('collections')),
      filename: 'notes.txt',
      mediaType: 'text/plain',
    }),
  },
];

export const acts: Act[] = [...agents, ...mcpTools, ...approvals, ...runs, ...keys, ...invitations, ...members, ...uploads];

/** Mutations whose effect is that of their permission alone, done by the viewer and at once. */
export const directMutations = new Set(
  `addDocument appendMessage approveMcpTool archiveAgent archiveCollection askKnowledge cancelAgentRun changePassword completeConversation
  configureMcpServer createCollection createConversation createTenant deleteDocument executeMcpTool linkIdentity publishAgentVersion
  recordToolExecution refreshMcpTools refreshSession registerMcpServer rejectToolCall removeModelPrice reprocessCollection reprocessDocument
  restoreAgent restoreCollection restoreDocument runEvaluation setModelPrice signIn signOut signUp submitAnswerFeedback submitSearchFeedback
  switchTenant unlinkIdentity updateCollection updateConversation updateDocument updateMcpServer updateProfile updateTenant uploadDocument`.split(
    /\s+/,
  ),
);

/** Accepted with the token alone: the rights are those of the member who made the invitation, at that moment. */
export const delegatedMutations = new Set(['acceptInvitation']);
