import type { OperationName, Sizes } from '../cases/operations.ts';

/** @param fields SQL expressions by GraphQL field name */
function object(fields: Record<string, string>): string {
  return `json_build_object(${Object.entries(fields)
    .map(([name, value]) => `'${name}', ${value}`)
    .join(', ')})`;
}

/** SQL expressions of columns by GraphQL field name. */
function columns(row: string, names: string): Record<string, string> {
  return Object.fromEntries(
    names
      .split(' ')
      .map((name) => [name, `${row}.${name === 'uuid' ? 'id' : name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`]),
  );
}

const CONVERSATION = 'uuid title status messageCount totalTokens costUsd createdAt lastMessageAt';
const EXECUTION = 'uuid toolName status durationMs createdAt';
const MESSAGE = 'uuid sequence role content model tokenCount createdAt';
const PERSON = 'email firstName lastName';

export interface HandWrittenStatement {
  text: string;
  /** Names of the values of its parameters, in order. */
  parameters: readonly string[];
}

/**
 * The statement of an operation.
 * @param bare whether the statement has a tenant predicate, `$1`, and relies on no row-level security
 */
export function handWrittenStatement(operation: OperationName, sizes: Sizes, bare: boolean): HandWrittenStatement {
  const parameters: string[] = bare ? ['tenantId'] : [];
  const parameter = (name: string) => {
    if (!parameters.includes(name)) parameters.push(name);
    return `$${parameters.indexOf(name) + 1}`;
  };
  const tenant = (table: string, column = 'tenant_id') => (bare ? `${table}.${column} = $1` : 'true');
  const list = (fields: Record<string, string>, order: string, from: string) =>
    `(SELECT coalesce(json_agg(${object(fields)} ORDER BY ${order}), '[]') FROM (${from}) row)`;
  const newest = (table: string) => `ORDER BY ${table}.created_at DESC, ${table}.id DESC`;
  const rowNewest = 'row.created_at DESC, row.id DESC';
  const kept = `(SELECT coalesce(sum(active + completed + failed + cancelled), 0) FROM conversation_counts k WHERE ${tenant('k')})`;
  const count = (table: string) => `(SELECT count(*) FROM ${table} WHERE ${tenant(table)})`;

  const text = (): string => {
    switch (operation) {
      case 'flat':
        return `SELECT ${object({
          conversations: object({
            nodes: `coalesce(json_agg(${object(columns('row', CONVERSATION))} ORDER BY ${rowNewest}) FILTER (WHERE row.place <= ${sizes.list}), '[]')`,
            pageInfo: object({ hasNextPage: `count(*) > ${sizes.list}` }),
          }),
        })}::text FROM (SELECT *, row_number() OVER (${newest('conversations')}) AS place FROM conversations
          WHERE ${tenant('conversations')} ${newest('conversations')} LIMIT ${sizes.list + 1}) row`;
      case 'nested': {
        const messages = list(
          columns('row', MESSAGE),
          'row.sequence DESC',
          `SELECT * FROM messages m WHERE m.tenant_id = c.tenant_id AND m.conversation_id = c.id ORDER BY m.sequence DESC LIMIT ${sizes.messages}`,
        );
        const conversations = list(
          {
            ...columns('row', 'uuid title status messageCount lastMessageAt createdAt'),
            messages: object({ nodes: 'row.messages' }),
          },
          rowNewest,
          `SELECT c.*, ${messages} AS messages FROM conversations c WHERE c.tenant_id = a.tenant_id AND c.agent_id = a.id ${newest('c')} LIMIT ${sizes.conversations}`,
        );
        const agents = list(
          {
            ...columns('row', 'uuid name slug kind provider model status createdAt'),
            conversations: object({ nodes: 'row.conversations' }),
          },
          rowNewest,
          `SELECT a.*, ${conversations} AS conversations FROM agents a WHERE ${tenant('a')} ${newest('a')} LIMIT ${sizes.agents}`,
        );
        return `SELECT ${object({ agents: object({ nodes: agents }) })}::text`;
      }
      case 'detail': {
        const executions = list(
          columns('row', EXECUTION),
          'row.id DESC',
          `SELECT * FROM tool_executions t WHERE t.tenant_id = m.tenant_id AND t.message_id = m.id ORDER BY t.id DESC LIMIT ${sizes.executions}`,
        );
        const messages = list(
          { ...columns('row', `${MESSAGE} latencyMs`), toolExecutions: object({ nodes: 'row.executions' }) },
          'row.sequence DESC',
          `SELECT m.*, ${executions} AS executions FROM messages m WHERE m.tenant_id = c.tenant_id AND m.conversation_id = c.id ORDER BY m.sequence DESC LIMIT ${sizes.lastMessages}`,
        );
        const conversation = {
          ...columns('c', CONVERSATION),
          agent: object(columns('a', 'uuid name slug model')),
          messages: object({ nodes: messages }),
        };
        return `SELECT ${object({ conversation: object(conversation) })}::text FROM conversations c
          JOIN agents a ON a.tenant_id = c.tenant_id AND a.id = c.agent_id WHERE ${tenant('c')} AND c.id = ${parameter('conversationId')}`;
      }
      case 'node':
        return `SELECT ${object({ node: object(columns('c', CONVERSATION)) })}::text FROM conversations c
          WHERE ${tenant('c')} AND c.id = ${parameter('conversationId')}`;
      case 'append': {
        const values = ['tenantId', 'id', 'conversationId', 'role', 'content', 'tokenCount'].map(parameter);
        return `WITH appended AS (INSERT INTO messages (tenant_id, id, conversation_id, role, content, token_count) VALUES (${values.join(', ')}) RETURNING *)
          SELECT ${object({
            appendMessage: object({
              appendedMessage: object(columns('m', 'uuid sequence role content tokenCount createdAt')),
              conversation: object(columns('c', 'uuid title status')),
            }),
          })}::text FROM appended m JOIN conversations c ON c.tenant_id = m.tenant_id AND c.id = m.conversation_id`;
      }
      case 'dashboard': {
        const conversations = list(
          {
            ...columns('row', 'uuid title status messageCount lastMessageAt createdAt'),
            agent: `(SELECT ${object(columns('a', 'uuid name'))} FROM agents a WHERE a.tenant_id = row.tenant_id AND a.id = row.agent_id)`,
          },
          rowNewest,
          `SELECT * FROM conversations c WHERE ${tenant('c')} ${newest('c')} LIMIT ${sizes.longList}`,
        );
        const members = list(
          {
            ...columns('row', 'uuid role status createdAt'),
            user: `(SELECT ${object(columns('u', PERSON))} FROM users u WHERE u.id = row.user_id)`,
          },
          'row.created_at, row.id',
          `SELECT * FROM memberships m WHERE ${tenant('m')} ORDER BY m.created_at, m.id LIMIT ${sizes.longList}`,
        );
        const agents = list(
          columns('row', 'uuid name status model createdAt'),
          rowNewest,
          `SELECT * FROM agents a WHERE ${tenant('a')} ${newest('a')} LIMIT ${sizes.shortList}`,
        );
        const latest = (table: string, names: string) =>
          list(
            columns('row', names),
            'row.id DESC',
            `SELECT * FROM ${table} t WHERE ${tenant('t')} ORDER BY t.id DESC LIMIT ${sizes.longList}`,
          );
        return `SELECT ${object({
          viewer: object({ role: 'm.role', user: object(columns('u', PERSON)) }),
          tenant: object(columns('t', 'uuid name slug planCode status createdAt')),
          agents: object({ totalCount: count('agents'), nodes: agents }),
          conversations: object({ totalCount: kept, nodes: conversations }),
          members: object({ totalCount: count('memberships'), nodes: members }),
          toolExecutions: object({ nodes: latest('tool_executions', EXECUTION) }),
          auditLogs: object({ nodes: latest('audit_logs', 'uuid actor action resourceType createdAt') }),
        })}::text FROM tenants t JOIN memberships m ON m.tenant_id = t.id JOIN users u ON u.id = m.user_id
          WHERE ${tenant('t', 'id')} AND m.user_id = ${parameter('userId')}`;
      }
    }
  };
  return { text: text(), parameters };
}
