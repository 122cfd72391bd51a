/** The operations, their translation for each server, and the normalization of its responses. */

export type OperationName = 'flat' | 'nested' | 'detail' | 'node' | 'append' | 'dashboard';

export interface Operation {
  name: OperationName;
  title: string;
  /** Levels of lists and objects under the root. */
  depth: number;
  writes?: boolean;
}

export const OPERATIONS: readonly Operation[] = [
  { name: 'flat', title: 'a flat list of 20 conversations', depth: 1 },
  { name: 'nested', title: '10 agents, 5 conversations of each, 5 messages of each', depth: 3 },
  { name: 'detail', title: 'a conversation, its agent, its last 50 messages and their tool executions', depth: 3 },
  { name: 'node', title: 'a conversation by its node id', depth: 1 },
  { name: 'append', title: '`appendMessage`', depth: 1, writes: true },
  { name: 'dashboard', title: 'viewer, tenant, five lists, three counts', depth: 2 },
];

/** Maximum number of rows of each list. */
export interface Sizes {
  name: 'full' | 'few';
  list: number;
  agents: number;
  conversations: number;
  messages: number;
  lastMessages: number;
  executions: number;
  shortList: number;
  longList: number;
}

export const FULL: Sizes = {
  name: 'full',
  list: 20,
  agents: 10,
  conversations: 5,
  messages: 5,
  lastMessages: 50,
  executions: 10,
  shortList: 5,
  longList: 10,
};

/** Shows whether the number of statements depends on the number of rows. */
export const FEW: Sizes = {
  name: 'few',
  list: 2,
  agents: 2,
  conversations: 2,
  messages: 2,
  lastMessages: 2,
  executions: 2,
  shortList: 2,
  longList: 2,
};

export const SIZES: Record<Sizes['name'], Sizes> = { full: FULL, few: FEW };

/** Input of an operation, independent of the server. */
export interface OperationInput {
  tenantId: string;
  userId: string;
  /** Ignored by operations that are not about one conversation. */
  conversationId: string;
  sizes: Sizes;
}

/** Placeholder in a body. Each request replaces it by a new UUID. */
export const NEW_UUID = '00000000-aaaa-7aaa-8aaa-aaaaaaaaaaaa';

export function contentOf(uuid: string): string {
  return `Where is the parcel of my order? It should have been here on Monday, and the number is ${uuid}.`;
}

/** Translates operations to the API of one server. */
export interface Dialect {
  bodyOf(operation: OperationName, input: OperationInput): object;
  /** Brings the response of the server into the common shape. */
  normalize(operation: OperationName, data: Record<string, unknown>): unknown;
}

const CONVERSATION = 'title status messageCount totalTokens costUsd createdAt lastMessageAt';
const AGENT = 'name slug kind provider model status createdAt';
const MESSAGE = 'sequence role content model tokenCount createdAt';
const EXECUTION = 'toolName status durationMs createdAt';
const TENANT = 'name slug planCode status createdAt';
const ENTRY = 'actor action resourceType createdAt';
const PERSON = 'email firstName lastName';

/** @param order arguments that select the order of a list, if its default differs */
function graphOf(order: { messages: string; members: string }): Record<OperationName, string> {
  return {
    flat: `query Flat($list: Int!) { conversations(first: $list) { nodes { uuid ${CONVERSATION} } pageInfo { hasNextPage } } }`,
    nested: `query Nested($agents: Int!, $conversations: Int!, $messages: Int!) { agents(first: $agents) { nodes { uuid ${AGENT}
      conversations(first: $conversations) { nodes { uuid title status messageCount lastMessageAt createdAt
        messages(first: $messages${order.messages}) { nodes { uuid ${MESSAGE} } } } } } } }`,
    detail: `query Detail($id: ID!, $lastMessages: Int!, $executions: Int!) { conversation(id: $id) { uuid ${CONVERSATION} agent { uuid name slug model }
      messages(first: $lastMessages${order.messages}) { nodes { uuid ${MESSAGE} latencyMs
        toolExecutions(first: $executions) { nodes { uuid ${EXECUTION} } } } } } }`,
    node: `query Node($id: ID!) { node(id: $id) { ... on Conversation { uuid ${CONVERSATION} } } }`,
    append: `mutation Append($input: AppendMessageInput!) { appendMessage(input: $input) { ... on AppendMessagePayload {
      appendedMessage { uuid sequence role content tokenCount createdAt } conversation { uuid title status } } } }`,
    dashboard: `query Dashboard($shortList: Int!, $longList: Int!) { viewer { role user { ${PERSON} } } tenant { uuid ${TENANT} }
      agents(first: $shortList) { totalCount nodes { uuid name status model createdAt } }
      conversations(first: $longList) { totalCount nodes { uuid title status messageCount lastMessageAt createdAt agent { uuid name } } }
      members(first: $longList${order.members}) { totalCount nodes { uuid role status createdAt user { ${PERSON} } } }
      toolExecutions(first: $longList) { nodes { uuid ${EXECUTION} } }
      auditLogs(first: $longList) { nodes { uuid ${ENTRY} } } }`,
  };
}

function appendInput({ conversationId }: OperationInput) {
  return { conversationId, role: 'USER', content: contentOf(NEW_UUID), tokenCount: 24 };
}

/** @param encoding of node ids: Agentbase uses base64url, Pothos base64 */
function graphDialect(documents: Record<OperationName, string>, encoding: 'base64' | 'base64url'): Dialect {
  return {
    bodyOf(operation, input) {
      const id =
        operation === 'node' ? Buffer.from(`Conversation:${input.conversationId}`).toString(encoding) : input.conversationId;
      const { name: _, ...sizes } = input.sizes;
      const declared = documents[operation].slice(0, documents[operation].indexOf('{'));
      const all: Record<string, unknown> = { ...sizes, id, input: appendInput(input) };
      const variables = Object.fromEntries(Object.entries(all).filter(([name]) => declared.includes(`$${name}:`)));
      return { query: documents[operation], variables };
    },
    normalize: (_operation, data) => data,
  };
}

export const agentbase: Dialect = graphDialect(
  graphOf({ messages: ', orderBy: SEQUENCE_DESC', members: ', orderBy: CREATED_AT_ASC' }),
  'base64url',
);

/** Each of its lists has a fixed order. */
export const stockPothos: Dialect = graphDialect(graphOf({ messages: '', members: '' }), 'base64');

const NEWEST = 'orderBy: [CREATED_AT_DESC, ROW_ID_DESC]';
const agentOf = 'agent: agentByTenantIdAndAgentId';
const messagesOf = 'messages: messagesByTenantIdAndConversationId';

const POSTGRAPHILE: Record<OperationName, string> = {
  flat: `query Flat($list: Int!) { conversations: allConversations(first: $list, ${NEWEST}) { nodes { uuid: rowId ${CONVERSATION} } pageInfo { hasNextPage } } }`,
  nested: `query Nested($agents: Int!, $conversations: Int!, $messages: Int!) { agents: allAgents(first: $agents, ${NEWEST}) { nodes { uuid: rowId ${AGENT}
    conversations: conversationsByTenantIdAndAgentId(first: $conversations, ${NEWEST}) { nodes { uuid: rowId title status messageCount lastMessageAt createdAt
      ${messagesOf}(first: $messages, orderBy: SEQUENCE_DESC) { nodes { uuid: rowId ${MESSAGE} } } } } } } }`,
  detail: `query Detail($tenantId: UUID!, $id: UUID!, $lastMessages: Int!, $executions: Int!) { conversation: conversationByTenantIdAndRowId(tenantId: $tenantId, rowId: $id) {
    uuid: rowId ${CONVERSATION} ${agentOf} { uuid: rowId name slug model }
    ${messagesOf}(first: $lastMessages, orderBy: SEQUENCE_DESC) { nodes { uuid: rowId ${MESSAGE} latencyMs
      toolExecutions: toolExecutionsByTenantIdAndMessageId(first: $executions, orderBy: ROW_ID_DESC) { nodes { uuid: rowId ${EXECUTION} } } } } } }`,
  node: `query Node($id: ID!) { node(id: $id) { ... on Conversation { uuid: rowId ${CONVERSATION} } } }`,
  append: `mutation Append($message: MessageInput!) { createMessage(input: { message: $message }) { message { uuid: rowId sequence role content tokenCount createdAt
    conversation: conversationByTenantIdAndConversationId { uuid: rowId title status } } } }`,
  dashboard: `query Dashboard($tenantId: UUID!, $userId: UUID!, $shortList: Int!, $longList: Int!) {
    viewer: allMemberships(condition: { userId: $userId }, first: 1) { nodes { role user: userByUserId { ${PERSON} } } }
    tenant: tenantByRowId(rowId: $tenantId) { uuid: rowId ${TENANT} }
    agents: allAgents(first: $shortList, ${NEWEST}) { totalCount nodes { uuid: rowId name status model createdAt } }
    conversations: allConversations(first: $longList, ${NEWEST}) { totalCount nodes { uuid: rowId title status messageCount lastMessageAt createdAt ${agentOf} { uuid: rowId name } } }
    members: allMemberships(first: $longList, orderBy: [CREATED_AT_ASC, ROW_ID_ASC]) { totalCount nodes { uuid: rowId role status createdAt user: userByUserId { ${PERSON} } } }
    toolExecutions: allToolExecutions(first: $longList, orderBy: ROW_ID_DESC) { nodes { uuid: rowId ${EXECUTION} } }
    auditLogs: allAuditLogs(first: $longList, orderBy: ROW_ID_DESC) { nodes { uuid: rowId ${ENTRY} } } }`,
};

export const postgraphile: Dialect = {
  bodyOf(operation, input) {
    const { tenantId, userId, conversationId, sizes } = input;
    const nodeId = Buffer.from(JSON.stringify(['Conversation', tenantId, conversationId])).toString('base64');
    const { name: _, ...numbers } = sizes;
    const message = { ...appendInput(input), tenantId, rowId: NEW_UUID, tokenCount: '24' };
    const all: Record<string, unknown> = {
      ...numbers,
      tenantId,
      userId,
      id: operation === 'node' ? nodeId : conversationId,
      message,
    };
    const declared = POSTGRAPHILE[operation].slice(0, POSTGRAPHILE[operation].indexOf('{'));
    const variables = Object.fromEntries(Object.entries(all).filter(([name]) => declared.includes(`$${name}:`)));
    return { query: POSTGRAPHILE[operation], variables };
  },
  normalize(operation, data) {
    if (operation === 'append') {
      const { message } = data.createMessage as { message: { conversation: unknown } };
      const { conversation, ...appendedMessage } = message;
      return { appendMessage: { appendedMessage, conversation } };
    }
    if (operation === 'dashboard') return { ...data, viewer: (data.viewer as { nodes: unknown[] }).nodes[0] };
    return data;
  },
};

/** @param variant `bare`: without row-level security and session context */
function handWrittenDialect(variant: 'secured' | 'bare'): Dialect {
  return {
    bodyOf(operation, input) {
      return {
        operation,
        sizes: input.sizes.name,
        conversationId: input.conversationId,
        ...(operation === 'append' ? appendInput(input) : {}),
        ...(variant === 'bare' ? { bare: true } : {}),
      };
    },
    normalize: (_operation, data) => data,
  };
}

export const handWritten: Dialect = handWrittenDialect('secured');
/** Hand-written SQL with a tenant predicate instead of row-level security and session context. */
export const handWrittenWithoutRls: Dialect = handWrittenDialect('bare');
