import type pg from 'pg';
import type { OperationInput, OperationName } from './operations.ts';

type Row = Record<string, unknown>;

/** Converts snake_case to camelCase, and `id` to `uuid`, its name in GraphQL. */
function toGraphql(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name === 'id' ? 'uuid' : name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
}

const CONVERSATION = 'id, title, status, message_count, total_tokens, cost_usd, created_at, last_message_at';
const EXECUTION = 'id, tool_name, status, duration_ms, created_at';
const MESSAGE = 'id, sequence, role, content, model, token_count, created_at';
const PERSON = 'email, first_name, last_name';

/** The expected response of a read, assembled from plain statements of the table owner, one for each list of each parent. */
export async function expectedResult(owner: pg.Pool, operation: OperationName, input: OperationInput): Promise<unknown> {
  const { tenantId, userId, conversationId, sizes } = input;
  const read = async (text: string, ...values: unknown[]) =>
    (await owner.query({ text: text.replace('TENANT', 'tenant_id = $1'), values: [tenantId, ...values] })).rows as Row[];
  const list = async (text: string, ...values: unknown[]) => ({ nodes: (await read(text, ...values)).map(toGraphql) });
  const one = async (text: string, ...values: unknown[]) => toGraphql((await read(text, ...values))[0] ?? {});
  const count = async (table: string) => Number((await read(`SELECT count(*) AS count FROM ${table} WHERE TENANT`))[0]?.count);
  const person = (id: unknown) =>
    one(`SELECT ${PERSON} FROM users WHERE id = $2 AND EXISTS (SELECT FROM memberships WHERE TENANT)`, id);
  const newest = 'ORDER BY created_at DESC, id DESC';

  switch (operation) {
    case 'flat': {
      const conversations = await list(`SELECT ${CONVERSATION} FROM conversations WHERE TENANT ${newest} LIMIT ${sizes.list}`);
      return { conversations: { ...conversations, pageInfo: { hasNextPage: (await count('conversations')) > sizes.list } } };
    }
    case 'nested': {
      const agents = await list(
        `SELECT id, name, slug, kind, provider, model, status, created_at FROM agents WHERE TENANT ${newest} LIMIT ${sizes.agents}`,
      );
      for (const agent of agents.nodes) {
        const conversations = await list(
          `SELECT id, title, status, message_count, last_message_at, created_at FROM conversations WHERE TENANT AND agent_id = $2 ${newest} LIMIT ${sizes.conversations}`,
          agent.uuid,
        );
        for (const conversation of conversations.nodes)
          conversation.messages = await list(
            `SELECT ${MESSAGE} FROM messages WHERE TENANT AND conversation_id = $2 ORDER BY sequence DESC LIMIT ${sizes.messages}`,
            conversation.uuid,
          );
        agent.conversations = conversations;
      }
      return { agents };
    }
    case 'detail': {
      const { agentId, ...conversation } = await one(
        `SELECT ${CONVERSATION}, agent_id FROM conversations WHERE TENANT AND id = $2`,
        conversationId,
      );
      const messages = await list(
        `SELECT ${MESSAGE}, latency_ms FROM messages WHERE TENANT AND conversation_id = $2 ORDER BY sequence DESC LIMIT ${sizes.lastMessages}`,
        conversationId,
      );
      for (const message of messages.nodes)
        message.toolExecutions = await list(
          `SELECT ${EXECUTION} FROM tool_executions WHERE TENANT AND message_id = $2 ORDER BY id DESC LIMIT ${sizes.executions}`,
          message.uuid,
        );
      const agent = await one('SELECT id, name, slug, model FROM agents WHERE TENANT AND id = $2', agentId);
      return { conversation: { ...conversation, agent, messages } };
    }
    case 'node':
      return { node: await one(`SELECT ${CONVERSATION} FROM conversations WHERE TENANT AND id = $2`, conversationId) };
    case 'dashboard': {
      const { role } = await one('SELECT role FROM memberships WHERE TENANT AND user_id = $2', userId);
      const conversations = await list(
        `SELECT id, title, status, message_count, last_message_at, created_at, agent_id FROM conversations WHERE TENANT ${newest} LIMIT ${sizes.longList}`,
      );
      for (const conversation of conversations.nodes) {
        conversation.agent = await one('SELECT id, name FROM agents WHERE TENANT AND id = $2', conversation.agentId);
        delete conversation.agentId;
      }
      const members = await list(
        `SELECT id, role, status, created_at, user_id FROM memberships WHERE TENANT ORDER BY created_at, id LIMIT ${sizes.longList}`,
      );
      for (const member of members.nodes) {
        member.user = await person(member.userId);
        delete member.userId;
      }
      const agents = await list(
        `SELECT id, name, status, model, created_at FROM agents WHERE TENANT ${newest} LIMIT ${sizes.shortList}`,
      );
      return {
        viewer: { role, user: await person(userId) },
        tenant: await one('SELECT id, name, slug, plan_code, status, created_at FROM tenants WHERE id = $1'),
        agents: { ...agents, totalCount: await count('agents') },
        conversations: { ...conversations, totalCount: await count('conversations') },
        members: { ...members, totalCount: await count('memberships') },
        toolExecutions: await list(
          `SELECT ${EXECUTION} FROM tool_executions WHERE TENANT ORDER BY id DESC LIMIT ${sizes.longList}`,
        ),
        auditLogs: await list(
          `SELECT id, actor, action, resource_type, created_at FROM audit_logs WHERE TENANT ORDER BY id DESC LIMIT ${sizes.longList}`,
        ),
      };
    }
    case 'append':
      throw new Error('the expected result of an append is its rows, see appendProblem');
  }
}
