import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { difference } from './canonicalize.ts';
import { expectedResult } from './expected-results.ts';
import { contentOf, type Dialect, NEW_UUID, OPERATIONS, type OperationInput, type OperationName } from './operations.ts';
import type { Workload } from './workload.ts';

export interface Endpoint {
  name: string;
  url: string;
  dialect: Dialect;
  credentials: string[];
}

/** @returns the normalized response. Throws on a status other than 200 and on GraphQL errors. */
export async function execute(
  { url, dialect }: Endpoint,
  operation: OperationName,
  input: OperationInput,
  credential: string,
  uuid: string = randomUUID(),
): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', authorization: `Bearer ${credential}` },
    body: JSON.stringify(dialect.bodyOf(operation, input)).replaceAll(NEW_UUID, uuid),
  });
  const text = await response.text();
  const { data, errors } = JSON.parse(text) as { data?: Record<string, unknown>; errors?: unknown };
  if (response.status !== 200 || errors || !data) throw new Error(`${response.status} ${text.slice(0, 1_000)}`);
  return dialect.normalize(operation, data);
}

interface Counters {
  message_count: number;
  last_event_sequence: number;
}

/** Appends a message and verifies its rows: the message, the counter, one event and one audit row. @returns what is wrong */
async function appendProblem(
  owner: pg.Pool,
  endpoint: Endpoint,
  input: OperationInput,
  credential: string,
): Promise<string | undefined> {
  const { tenantId, conversationId } = input;
  const readCounters = async () =>
    (
      await owner.query<Counters & { title: string; status: string }>({
        text: 'SELECT title, status, message_count, last_event_sequence FROM conversations WHERE tenant_id = $1 AND id = $2',
        values: [tenantId, conversationId],
      })
    ).rows[0];
  const before = await readCounters();
  const uuid = randomUUID();
  const response = await execute(endpoint, 'append', input, credential, uuid);
  const after = await readCounters();
  if (!before || !after) return 'the conversation does not exist';
  const { rows } = await owner.query({
    text: `SELECT m.id AS uuid, m.sequence, m.role, m.content, m.token_count AS "tokenCount", m.created_at AS "createdAt",
        (SELECT count(*) FROM conversation_events e WHERE e.tenant_id = m.tenant_id AND e.conversation_id = m.conversation_id
          AND e.sequence = $4 AND e.payload ->> 'messageId' = m.id::text)::integer AS events,
        (SELECT count(*) FROM audit_logs a WHERE a.tenant_id = m.tenant_id AND a.resource_type = 'message' AND a.resource_id = m.id
          AND a.user_id = $5 AND a.request_id IS NOT NULL AND a.ip IS NOT NULL)::integer AS audits
      FROM messages m WHERE m.tenant_id = $1 AND m.conversation_id = $2 AND m.content = $3`,
    values: [tenantId, conversationId, contentOf(uuid), after.last_event_sequence, input.userId],
  });
  if (rows.length !== 1) return `${rows.length} messages were written instead of one`;
  const { events, audits, ...appendedMessage } = rows[0] as Record<string, unknown>;
  if (events !== 1) return `${events} events were written instead of one`;
  if (after.message_count !== before.message_count + 1)
    return `message_count changed from ${before.message_count} to ${after.message_count} instead of by one`;
  const expected = {
    appendMessage: { appendedMessage, conversation: { uuid: conversationId, title: after.title, status: after.status } },
  };
  const found = difference(response, expected);
  if (found) return found;
  if (audits !== 1) return `${audits} audit rows were written instead of one`;
  return undefined;
}

/** Items of `count` tenants, spread evenly by size from the largest to the smallest. */
function sample<Item extends { tenantIndex: number }>(items: Item[], count: number): Item[] {
  const distinct = [...new Map(items.map((item) => [item.tenantIndex, item])).values()].sort(
    (one, other) => one.tenantIndex - other.tenantIndex,
  );
  if (distinct.length <= count) return distinct;
  return Array.from({ length: count }, (_, index) => distinct[Math.floor((index * (distinct.length - 1)) / (count - 1))] as Item);
}

/**
 * Sends the operations of some tenants to every endpoint and compares the responses with the results of plain SQL.
 * @param only operations to check; default: all
 * @returns the differences
 */
export async function checkResponses(
  owner: pg.Pool,
  endpoints: Endpoint[],
  workload: Workload,
  tenants: number,
  only: OperationName[] = OPERATIONS.map(({ name }) => name),
): Promise<string[]> {
  const problems: string[] = [];
  for (const { name: operation, writes } of OPERATIONS.filter(({ name }) => only.includes(name))) {
    for (const input of sample(workload[operation], tenants)) {
      const expected = writes ? undefined : await expectedResult(owner, operation, input);
      for (const endpoint of endpoints) {
        const credential = endpoint.credentials[input.tenantIndex] ?? '';
        const label = `${endpoint.name}, ${operation}, tenant ${input.tenantIndex + 1}`;
        try {
          const found = writes
            ? await appendProblem(owner, endpoint, input, credential)
            : difference(await execute(endpoint, operation, input, credential), expected);
          if (found) problems.push(`${label}: ${found}`);
        } catch (error) {
          problems.push(`${label}: ${error instanceof Error ? error.message : error}`);
        }
      }
    }
  }
  return problems;
}
