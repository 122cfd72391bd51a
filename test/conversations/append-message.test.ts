import { beforeAll, expect, test } from 'vitest';
import { encodeGlobalId } from '../../src/graphql/global-id.ts';
import { at, type Graph, testGraph } from '../testkit/graph.ts';
import { asViewer, createTenant, type PopulatedTenant } from '../testkit/tenants.ts';

let graph: Graph;
let tenant: PopulatedTenant;

beforeAll(async () => {
  graph = await testGraph();
  tenant = await createTenant(graph);
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
    { agentId: encodeGlobalId('Agent', tenant.agentId) },
  );
  return at(answer, 'createConversation.conversation.id');
}

const append = (input: Record<string, unknown>) => graph.execute(asViewer(tenant), APPEND, { input });

test('numbers messages, keeps what came with them, and counts tokens by side', async () => {
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
  expect(at(answer, 'result')).toMatchObject({
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

test('a retry with the same key returns the first message, also when both come at once', async () => {
  const conversationId = await newConversation();
  const input = { conversationId, role: 'USER', content: 'Once', idempotencyKey: 'key-1' };
  const answers = await Promise.all(Array.from({ length: 5 }, () => append(input)));
  expect(new Set(answers.map((answer) => at(answer, 'result.appendedMessage.uuid'))).size).toBe(1);
  expect(answers.filter((answer) => !at<boolean>(answer, 'result.repeated'))).toHaveLength(1);
  expect(at<number>(await append(input), 'result.conversation.messageCount')).toBe(1);
});

test('a key that was used for something else is a conflict', async () => {
  const conversationId = await newConversation();
  await append({ conversationId, role: 'USER', content: 'One', idempotencyKey: 'key' });
  const answer = await append({ conversationId, role: 'USER', content: 'Two', idempotencyKey: 'key' });
  expect(at(answer, 'result')).toMatchObject({ __typename: 'ConflictError', path: ['input', 'idempotencyKey'] });
});

test('an ended conversation takes no message, and says so', async () => {
  const id = await newConversation();
  const complete =
    'mutation ($id: ID!) { result: completeConversation(input: { id: $id, outcome: CANCELLED }) { __typename ... on UserError { message } } }';
  expect(at(await graph.execute(asViewer(tenant), complete, { id }), 'result.__typename')).toBe('CompleteConversationPayload');
  const answer = await append({ conversationId: id, role: 'USER', content: 'Too late' });
  expect(at(answer, 'result')).toMatchObject({
    __typename: 'InvalidStateError',
    message: 'The conversation is cancelled and takes no messages.',
  });
  expect(at(await graph.execute(asViewer(tenant), complete, { id }), 'result.__typename')).toBe('InvalidStateError');
});

test('a parent of another conversation is not found', async () => {
  const [one, two] = [await newConversation(), await newConversation()];
  const parent = at(await append({ conversationId: one, role: 'USER', content: 'Parent' }), 'result.appendedMessage.uuid');
  const answer = await append({ conversationId: two, role: 'ASSISTANT', content: 'Child', parentMessageId: parent });
  expect(at(answer, 'result')).toMatchObject({ __typename: 'NotFoundError', path: ['input', 'parentMessageId'] });
});

test('a mutation that fails takes back the ones of its own field only', async () => {
  const conversationId = await newConversation();
  const answer = await graph.execute(
    asViewer(tenant),
    `mutation ($good: AppendMessageInput!, $bad: AppendMessageInput!) {
      good: appendMessage(input: $good) { __typename }
      bad: appendMessage(input: $bad) { __typename }
    }`,
    {
      good: { conversationId, role: 'USER', content: 'Stays' },
      bad: { conversationId, role: 'USER', content: 'Goes', parentMessageId: tenant.messageIds[0] },
    },
  );
  expect(answer.data).toEqual({ good: { __typename: 'AppendMessagePayload' }, bad: { __typename: 'NotFoundError' } });
});

test('a retry whose tool calls are written into the document is the same call', async () => {
  const conversationId = await newConversation();
  const source = `mutation { result: appendMessage(input: { conversationId: "${conversationId}", role: ASSISTANT, content: "",
    toolCalls: [{ id: "1", name: "x", arguments: { b: 1, a: -0 } }], idempotencyKey: "literal" }) { __typename ... on AppendMessagePayload { repeated } } }`;
  expect(at<boolean>(await graph.execute(asViewer(tenant), source), 'result.repeated')).toBe(false);
  expect(at<boolean>(await graph.execute(asViewer(tenant), source), 'result.repeated')).toBe(true);
});
