import { beforeAll, expect, test } from 'vitest';
import { appendMessage } from '../../../src/modules/conversations/append-message.ts';
import { encodeGlobalId, parseId } from '../../../src/platform/graphql/kit/global-id.ts';
import { NotFoundError } from '../../../src/platform/lib/errors.ts';
import { newId } from '../../../src/platform/lib/ids.ts';
import { sqlStateOf } from '../../../src/platform/postgres/errors.ts';
import { runWithContext } from '../../../src/platform/postgres/request-scope.ts';
import { pick, type TestGraph, testGraph } from '../../testkit/graph.ts';
import { asViewer, contextOf, createTenant, type TestTenant } from '../../testkit/tenants.ts';

let graph: TestGraph;
let tenant: TestTenant;

beforeAll(async () => {
  graph = await testGraph();
  tenant = await createTenant(graph, { rows: ['agents', 'conversations', 'messages'] });
});

const APPEND = `mutation ($input: AppendMessageInput!) { result: appendMessage(input: $input) {
  __typename
  ... on AppendMessagePayload { repeated appendedMessage { uuid sequence toolCalls model latencyMs } conversation { messageCount totalTokens inputTokens outputTokens } }
  ... on UserError { message path }
} }`;

async function newConversation(): Promise<string> {
  const answer = await graph.execute(
    asViewer(tenant),
    'mutation ($agentId: ID!) { createConversation(input: { agentId: $agentId }) { ... on CreateConversationPayload { conversation { id } } } }',
    { agentId: encodeGlobalId('Agent', tenant.idOf('agents')) },
  );
  return pick(answer, 'createConversation.conversation.id');
}

const append = (input: Record<string, unknown>) => graph.execute(asViewer(tenant), APPEND, { input });

test('assigns sequence numbers, stores all fields, and counts input and output tokens', async () => {
  const conversationId = await newConversation();
  await append({ conversationId, role: 'USER', content: 'Weather?', tokenCount: 3 });
  const answer = await append({
    conversationId,
    role: 'ASSISTANT',
    content: '',
    toolCalls: [{ id: 'c1', name: 'weather', arguments: { city: 'Bern' } }],
    model: 'gpt-5',
    tokenCount: 7,
    latencyMs: 120,
  });
  expect(pick(answer, 'result')).toMatchObject({
    repeated: false,
    appendedMessage: {
      sequence: 2,
      toolCalls: [{ id: 'c1', name: 'weather', arguments: { city: 'Bern' } }],
      model: 'gpt-5',
      latencyMs: 120,
    },
    conversation: { messageCount: 2, totalTokens: 10, inputTokens: 3, outputTokens: 7 },
  });
});

test('runs two statements without a lookup, with the same result as in a transaction', async () => {
  const conversationId = await newConversation();
  const input = { conversationId, role: 'USER', content: 'Hello', metadata: { from: 'test' } };
  const answer = await append(input);
  expect(answer.statements.map((text) => text.split(' ', 1)[0])).toEqual(['INSERT', 'SELECT']);
  const id = pick(answer, 'result.appendedMessage.uuid');
  expect(await graph.ownerQuery('SELECT metadata, tool_calls, tool_results FROM messages WHERE id = $1', [id])).toEqual([
    { metadata: { from: 'test' }, tool_calls: null, tool_results: null },
  ]);
  const { requestId, ip, userAgent } = answer.request;
  expect(
    await graph.ownerQuery(
      'SELECT action, resource_id, user_id, host(ip) AS ip, user_agent FROM audit_logs WHERE request_id = $1',
      [requestId],
    ),
  ).toEqual([{ action: 'message.created', resource_id: id, user_id: tenant.owner.userId, ip, user_agent: userAgent }]);
  expect(
    await graph.ownerQuery('SELECT sequence, payload FROM conversation_events WHERE conversation_id = $1 AND sequence > 1', [
      parseId('Conversation', conversationId, []),
    ]),
  ).toEqual([{ sequence: 2, payload: { messageId: id, messageSequence: 1 } }]);
});

test('locks the conversation, looks up the key, inserts and reads with an idempotency key', async () => {
  const answer = await append({ conversationId: await newConversation(), role: 'USER', content: 'Hello', idempotencyKey: 'k' });
  expect(answer.statements.map((text) => text.split(/[; ]/, 1)[0])).toEqual([
    'BEGIN',
    'SELECT',
    'SELECT',
    'INSERT',
    'SELECT',
    'COMMIT',
  ]);
});

test('publishes a message after the commit, and no refused message', async () => {
  const conversationId = await newConversation();
  const id = parseId('Conversation', conversationId, []);
  const seen: unknown[] = [];
  const live = {
    ...graph.services.live,
    announce: (notice: unknown) =>
      seen.push([notice, graph.ownerQuery('SELECT last_sequence FROM conversations WHERE id = $1', [id])]),
  };
  const writer = { ...graph.services, live: live as never };
  const message = { conversationId: id, role: 'USER' as const, content: 'Hello' };
  const as = (work: () => Promise<unknown>) => runWithContext(contextOf(tenant), work);
  await as(() => appendMessage(writer, asViewer(tenant), message));
  const [[notice, committed]] = seen as [[unknown, Promise<unknown>]];
  expect(notice).toEqual({ topic: 'conversation', tenantId: tenant.id, id, sequence: 2 });
  expect(await committed).toEqual([{ last_sequence: 1 }]);
  await expect(as(() => appendMessage(writer, asViewer(tenant), { ...message, content: 'a\0b' }))).rejects.toThrow();
  const undone = as(() =>
    graph.database.transaction(async () => {
      await appendMessage(writer, asViewer(tenant), message);
      throw new Error('given up');
    }),
  );
  await expect(undone).rejects.toThrow('given up');
  expect(seen).toHaveLength(1);
  expect(await graph.ownerQuery('SELECT last_sequence FROM conversations WHERE id = $1', [id])).toEqual([{ last_sequence: 1 }]);
});

test('rejects values that the database cannot store, after an unknown conversation', async () => {
  const conversationId = await newConversation();
  const odd: Record<string, unknown>[] = [
    { content: 'a\0b' },
    { content: 'x', metadata: { key: 'a\0b' } },
    { content: '', toolCalls: [{ id: 'a\0b' }] },
    { content: 'x', model: 'a\0b' },
  ];
  for (const fields of odd) {
    expect(pick(await append({ conversationId, role: 'USER', ...fields }), 'result.__typename')).toBe('ValidationError');
    const nowhere = encodeGlobalId('Conversation', newId());
    expect(pick(await append({ conversationId: nowhere, role: 'USER', ...fields }), 'result')).toMatchObject({
      __typename: 'NotFoundError',
      message: 'The conversation was not found.',
      path: ['input', 'conversationId'],
    });
  }
  const after = await append({ conversationId, role: 'USER', content: 'first' });
  expect(pick<number>(after, 'result.appendedMessage.sequence')).toBe(1);
});

test('row security and grants reject a message of a viewer', async () => {
  const [viewed, id] = [
    await createTenant(graph, { members: ['VIEWER'], rows: ['agents', 'conversations', 'messages'] }),
    newId(),
  ];
  const write = (conversationId: string) =>
    runWithContext(contextOf(viewed, 'VIEWER'), () =>
      appendMessage(graph.services, asViewer(viewed, 'VIEWER'), { conversationId, role: 'USER', content: 'x' }),
    );
  await expect(write(viewed.idOf('conversations'))).rejects.toSatisfy((error) => sqlStateOf(error) === '25006');
  await expect(write(id)).rejects.toBeInstanceOf(NotFoundError);
});

test('returns the first message for a repeated idempotency key, also concurrently', async () => {
  const conversationId = await newConversation();
  const input = { conversationId, role: 'USER', content: 'Once', idempotencyKey: 'key-1' };
  const answers = await Promise.all(Array.from({ length: 5 }, () => append(input)));
  expect(new Set(answers.map((answer) => pick(answer, 'result.appendedMessage.uuid'))).size).toBe(1);
  expect(answers.filter((answer) => !pick<boolean>(answer, 'result.repeated'))).toHaveLength(1);
  expect(pick<number>(await append(input), 'result.conversation.messageCount')).toBe(1);
});

test('returns ConflictError for an idempotency key of a different message', async () => {
  const conversationId = await newConversation();
  await append({ conversationId, role: 'USER', content: 'One', idempotencyKey: 'key' });
  const answer = await append({ conversationId, role: 'USER', content: 'Two', idempotencyKey: 'key' });
  expect(pick(answer, 'result')).toMatchObject({ __typename: 'ConflictError', path: ['input', 'idempotencyKey'] });
});

test('returns InvalidStateError for an ended conversation', async () => {
  const id = await newConversation();
  const complete =
    'mutation ($id: ID!) { result: completeConversation(input: { id: $id, outcome: CANCELLED }) { __typename ... on UserError { message } } }';
  expect(pick(await graph.execute(asViewer(tenant), complete, { id }), 'result.__typename')).toBe('CompleteConversationPayload');
  const answer = await append({ conversationId: id, role: 'USER', content: 'Too late' });
  expect(pick(answer, 'result')).toMatchObject({
    __typename: 'InvalidStateError',
    message: 'The conversation is cancelled and accepts no messages.',
  });
  expect(pick(await graph.execute(asViewer(tenant), complete, { id }), 'result.__typename')).toBe('InvalidStateError');
});

test('returns NotFoundError for a parent message of another conversation', async () => {
  const [one, two] = [await newConversation(), await newConversation()];
  const parent = pick(await append({ conversationId: one, role: 'USER', content: 'Parent' }), 'result.appendedMessage.uuid');
  const answer = await append({ conversationId: two, role: 'ASSISTANT', content: 'Child', parentMessageId: parent });
  expect(pick(answer, 'result')).toMatchObject({ __typename: 'NotFoundError', path: ['input', 'parentMessageId'] });
});

test('rolls back only the failed mutation field', async () => {
  const conversationId = await newConversation();
  const answer = await graph.execute(
    asViewer(tenant),
    `mutation ($good: AppendMessageInput!, $bad: AppendMessageInput!) {
      good: appendMessage(input: $good) { __typename }
      bad: appendMessage(input: $bad) { __typename }
    }`,
    {
      good: { conversationId, role: 'USER', content: 'Stays' },
      bad: { conversationId, role: 'USER', content: 'Goes', parentMessageId: tenant.idOf('messages') },
    },
  );
  expect(answer.data).toEqual({ good: { __typename: 'AppendMessagePayload' }, bad: { __typename: 'NotFoundError' } });
});

test('treats inline and variable tool calls as the same message', async () => {
  const conversationId = await newConversation();
  const source = `mutation { result: appendMessage(input: { conversationId: "${conversationId}", role: ASSISTANT, content: "",
    toolCalls: [{ id: "1", name: "x", arguments: { b: 1, a: -0 } }], idempotencyKey: "literal" }) { __typename ... on AppendMessagePayload { repeated } } }`;
  expect(pick<boolean>(await graph.execute(asViewer(tenant), source), 'result.repeated')).toBe(false);
  expect(pick<boolean>(await graph.execute(asViewer(tenant), source), 'result.repeated')).toBe(true);
});
