import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { difference } from './canonicalize.ts';
import { expectedResult } from './expected-results.ts';
import { contentOf, type Dialect, NEW_UUID, OPERATIONS, type OperationName, type Question } from './operations.ts';
import type { Workload } from './workload.ts';

export interface Answerer {
  name: string;
  url: string;
  dialect: Dialect;
  credentials: string[];
}

/** @returns the answer as all servers' look. Throws for one that tells of errors. */
export async function ask(
  { url, dialect }: Answerer,
  operation: OperationName,
  question: Question,
  credential: string,
  uuid: string = randomUUID(),
): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', authorization: `Bearer ${credential}` },
    body: JSON.stringify(dialect.bodyOf(operation, question)).replaceAll(NEW_UUID, uuid),
  });
  const text = await response.text();
  const { data, errors } = JSON.parse(text) as { data?: Record<string, unknown>; errors?: unknown };
  if (response.status !== 200 || errors || !data) throw new Error(`${response.status} ${text.slice(0, 1_000)}`);
  return dialect.shapeOf(operation, data);
}

interface Standing {
  message_count: number;
  last_event_sequence: number;
}

/** What an append must have left: the message under the next number, the counters, one event and one row of audit. */
async function appendProblem(
  owner: pg.Pool,
  answerer: Answerer,
  question: Question,
  credential: string,
): Promise<string | undefined> {
  const { tenantId, conversationId } = question;
  const standing = async () =>
    (
      await owner.query<Standing & { title: string; status: string }>({
        text: 'SELECT title, status, message_count, last_event_sequence FROM conversations WHERE tenant_id = $1 AND id = $2',
        values: [tenantId, conversationId],
      })
    ).rows[0];
  const before = await standing();
  const uuid = randomUUID();
  const answer = await ask(answerer, 'append', question, credential, uuid);
  const after = await standing();
  if (!before || !after) return 'the conversation does not exist';
  const { rows } = await owner.query({
    text: `SELECT m.id AS uuid, m.sequence, m.role, m.content, m.token_count AS "tokenCount", m.created_at AS "createdAt",
        (SELECT count(*) FROM conversation_events e WHERE e.tenant_id = m.tenant_id AND e.conversation_id = m.conversation_id
          AND e.sequence = $4 AND e.payload ->> 'messageId' = m.id::text)::integer AS events,
        (SELECT count(*) FROM audit_logs a WHERE a.tenant_id = m.tenant_id AND a.resource_type = 'message' AND a.resource_id = m.id
          AND a.user_id = $5 AND a.request_id IS NOT NULL AND a.ip IS NOT NULL)::integer AS audits
      FROM messages m WHERE m.tenant_id = $1 AND m.conversation_id = $2 AND m.content = $3`,
    values: [tenantId, conversationId, contentOf(uuid), after.last_event_sequence, question.userId],
  });
  if (rows.length !== 1) return `${rows.length} messages were written`;
  const { events, audits, ...appendedMessage } = rows[0] as Record<string, unknown>;
  if (events !== 1) return `${events} events were written`;
  if (after.message_count !== before.message_count + 1)
    return `the counter went from ${before.message_count} to ${after.message_count}`;
  const wanted = {
    appendMessage: { appendedMessage, conversation: { uuid: conversationId, title: after.title, status: after.status } },
  };
  const found = difference(answer, wanted);
  if (found) return found;
  if (audits !== 1) return `${audits} rows of audit were written`;
  return undefined;
}

/** The largest tenants, some in the middle, and the smallest that were asked for. */
function sample<Item extends { person: number }>(asked: Item[], count: number): Item[] {
  const distinct = [...new Map(asked.map((one) => [one.person, one])).values()].sort((one, other) => one.person - other.person);
  if (distinct.length <= count) return distinct;
  return Array.from({ length: count }, (_, index) => distinct[Math.floor((index * (distinct.length - 1)) / (count - 1))] as Item);
}

/**
 * Asks everybody about some tenants, and compares with what the owner of the tables sees.
 * @param only these operations; all of them if not given
 * @returns what is wrong
 */
export async function checkAnswers(
  owner: pg.Pool,
  answerers: Answerer[],
  questions: Workload,
  tenants: number,
  only: OperationName[] = OPERATIONS.map(({ name }) => name),
): Promise<string[]> {
  const problems: string[] = [];
  for (const { name: operation, writes } of OPERATIONS.filter(({ name }) => only.includes(name))) {
    for (const question of sample(questions[operation], tenants)) {
      const wanted = writes ? undefined : await expectedResult(owner, operation, question);
      for (const answerer of answerers) {
        const credential = answerer.credentials[question.person] ?? '';
        const who = `${answerer.name}, ${operation}, tenant ${question.person + 1}`;
        try {
          const found = writes
            ? await appendProblem(owner, answerer, question, credential)
            : difference(await ask(answerer, operation, question, credential), wanted);
          if (found) problems.push(`${who}: ${found}`);
        } catch (error) {
          problems.push(`${who}: ${error instanceof Error ? error.message : error}`);
        }
      }
    }
  }
  return problems;
}
