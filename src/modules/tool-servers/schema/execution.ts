import { builder } from '../../../platform/graphql/kit/builder.ts';
import { defineConnection } from '../../../platform/graphql/kit/connection.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { nodeLoader } from '../../../platform/graphql/kit/node-loader.ts';
import { nodeQuery } from '../../../platform/graphql/kit/node-query.ts';
import { dependsOn } from '../../../platform/graphql/kit/selection.ts';
import { tenantKey } from '../../../platform/postgres/request-scope.ts';
import { sql } from '../../../platform/postgres/sql.ts';
import { Agent } from '../../agents/exports.ts';
import { Conversation, ExecutionStatusEnum, loadConversation, loadMessage, Message } from '../../conversations/exports.ts';
import { loadUser, User } from '../../tenancy/exports.ts';
import { loadMcpServerConfig, McpServerConfig } from './config.ts';

export const McpToolExecution = builder.prismaNode('McpToolExecution', {
  nullable: true,
  authScopes: { permission: 'mcp:read' },
  id: { resolve: ({ id }) => id },
  findUnique: tenantKey,
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    toolName: t.exposeString('toolName'),
    parameters: t.expose('parameters', { type: 'JSONObject' }),
    result: t.expose('result', { type: 'JSON', nullable: true }),
    status: t.expose('status', { type: ExecutionStatusEnum }),
    errorCode: t.exposeString('errorCode', { nullable: true }),
    errorMessage: t.exposeString('errorMessage', { nullable: true }),
    durationMs: t.exposeInt('durationMs'),
    serverInstance: t.exposeString('serverInstance', { nullable: true }),
    startedAt: t.expose('startedAt', { type: 'DateTime' }),
    completedAt: t.expose('completedAt', { type: 'DateTime' }),
    metadata: t.expose('metadata', { type: 'JSONObject' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    config: t.field({
      type: McpServerConfig,
      nullable: true,
      description: 'The configuration of the server that was called.',
      extensions: dependsOn('configId'),
      resolve: ({ configId }, _args, context) => loadMcpServerConfig(context, configId),
    }),
    user: t.field({
      type: User,
      nullable: true,
      description: 'The person who called, or for whom an agent did. Null once they have left the tenant.',
      extensions: dependsOn('userId'),
      resolve: ({ userId }, _args, context) => loadUser(context, userId),
    }),
    agent: t.field({
      type: Agent,
      nullable: true,
      description: 'The agent that called, if any.',
      extensions: dependsOn('agentId'),
      resolve: ({ agentId }, _args, context) => Agent.load(context, agentId),
    }),
    conversation: t.field({
      type: Conversation,
      nullable: true,
      description: 'The conversation it belongs to, if any.',
      extensions: dependsOn('conversationId'),
      resolve: ({ conversationId }, _args, context) => loadConversation(context, conversationId),
    }),
    message: t.field({
      type: Message,
      nullable: true,
      description: 'The message that asked for it, if any.',
      extensions: dependsOn('messageId'),
      resolve: ({ messageId }, _args, context) => loadMessage(context, messageId),
    }),
  }),
});

export const loadMcpToolExecution = nodeLoader<typeof McpToolExecution.$inferType>('McpToolExecution', 'mcp_tool_executions');

const McpToolExecutionFilter = builder.inputType('McpToolExecutionFilter', {
  description: 'Which calls of MCP tools. All conditions must hold.',
  fields: (t) => ({
    serverId: t.id({ description: 'Of this server.' }),
    toolName: t.string({ description: 'Of tools with this name.' }),
    status: t.field({ type: [ExecutionStatusEnum], description: 'That ended in one of these ways.' }),
    errorCode: t.string({ description: 'That failed with this code.' }),
    userId: t.id({ description: 'By this person, or for them.' }),
    agentId: t.id({ description: 'By this agent.' }),
    conversationId: t.id({ description: 'In this conversation.' }),
    after: t.field({ type: 'DateTime', description: 'At or after this moment.' }),
    before: t.field({ type: 'DateTime', description: 'Before this moment.' }),
  }),
});

const column = (name: 'user' | 'agent' | 'conversation', typename: string, id: string | null | undefined) => {
  if (!id) return [];
  const uuid = parseId(typename, id, ['filter', `${name}Id`]);
  if (name === 'user') return [sql`mcp_tool_executions.user_id = ${uuid}::uuid`];
  if (name === 'agent') return [sql`mcp_tool_executions.agent_id = ${uuid}::uuid`];
  return [sql`mcp_tool_executions.conversation_id = ${uuid}::uuid`];
};

defineConnection({
  name: 'McpToolExecution',
  table: 'mcp_tool_executions',
  node: McpToolExecution,
  orders: {
    // Ids are UUIDv7: the order of ids is the order of time.
    NEWEST_FIRST: { column: 'id', type: 'uuid', direction: 'DESC' },
    OLDEST_FIRST: { column: 'id', type: 'uuid', direction: 'ASC' },
  },
  filter: {
    type: McpToolExecutionFilter,
    where: (filter: typeof McpToolExecutionFilter.$inferInput) => [
      ...(filter.serverId
        ? [
            sql`mcp_tool_executions.config_id IN (SELECT c.id FROM mcp_server_configs c
              WHERE c.server_id = ${parseId('McpServer', filter.serverId, ['filter', 'serverId'])}::uuid)`,
          ]
        : []),
      ...(filter.toolName ? [sql`mcp_tool_executions.tool_name = ${filter.toolName}`] : []),
      ...(filter.status ? [sql`mcp_tool_executions.status = ANY (${filter.status}::execution_status[])`] : []),
      ...(filter.errorCode ? [sql`mcp_tool_executions.error_code = ${filter.errorCode}`] : []),
      ...column('user', 'User', filter.userId),
      ...column('agent', 'Agent', filter.agentId),
      ...column('conversation', 'Conversation', filter.conversationId),
      // The id begins with the time, and months are partitions of ids: this reads only the months it must.
      ...(filter.after ? [sql`mcp_tool_executions.id >= app.uuid_v7_floor(${filter.after}::timestamptz)`] : []),
      ...(filter.before ? [sql`mcp_tool_executions.id < app.uuid_v7_floor(${filter.before}::timestamptz)`] : []),
    ],
  },
}).onQuery('mcpToolExecutions', {
  description: 'Every call of an MCP tool in the tenant, whatever came of it.',
  access: 'mcp:read',
});

nodeQuery('mcpToolExecution', {
  type: McpToolExecution,
  what: 'A call of an MCP tool',
  access: 'mcp:read',
  load: loadMcpToolExecution,
});
