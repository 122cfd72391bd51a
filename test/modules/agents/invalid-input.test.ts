import { beforeAll, describe, expect, test } from 'vitest';
import { encodeGlobalId } from '../../../src/platform/graphql/kit/global-id.ts';
import { pick, type TestGraph, testGraph } from '../../testkit/graph.ts';
import { asViewer, createTenant, type TestTenant } from '../../testkit/tenants.ts';

let graph: TestGraph;
let tenant: TestTenant;

beforeAll(async () => {
  graph = await testGraph();
  tenant = await createTenant(graph, { rows: ['conversations'] });
});

const CREATE =
  'mutation ($input: CreateAgentInput!) { result: createAgent(input: $input) { __typename ... on UserError { message } } }';

describe('rejects text that PostgreSQL cannot store', () => {
  test.each([
    ['NUL in a text', { description: 'a\u0000b' }],
    ['NUL in a JSON object', { metadata: { key: 'a\u0000b' } }],
    ['NUL in a tag', { tags: ['a\u0000b'] }],
    ['half of a surrogate pair in JSON', { metadata: { key: '\ud800' } }],
  ])('%s', async (_what, fields) => {
    const answer = await graph.execute(asViewer(tenant), CREATE, {
      input: { name: 'Odd', provider: 'p', model: 'm', ...fields },
    });
    expect(answer.messages).toEqual([]);
    expect(pick(answer, 'result')).toMatchObject({ __typename: 'ValidationError' });
  });

  test('in a filter', async () => {
    const answer = await graph.execute(
      asViewer(tenant),
      'query ($s: String) { agents(filter: { search: $s }) { nodes { id } } }',
      { s: 'a\u0000' },
    );
    expect(answer.codes).toEqual(['VALIDATION_FAILED']);
  });
});

test('returns right-to-left, emoji and combining characters unchanged', async () => {
  const name = 'שלום 👩‍🔬 é ｆｕｌｌ';
  const created = await graph.execute(
    asViewer(tenant),
    'mutation ($input: CreateAgentInput!) { result: createAgent(input: $input) { ... on CreateAgentPayload { agent { id name slug } } } }',
    { input: { name, provider: 'p', model: 'm' } },
  );
  expect(pick(created, 'result.agent.name')).toBe(name);
  expect(pick(created, 'result.agent.slug')).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
});

test('accepts a message of 1 MiB and rejects one more byte', async () => {
  const append = (content: string) =>
    graph.execute(
      asViewer(tenant),
      'mutation ($input: AppendMessageInput!) { result: appendMessage(input: $input) { __typename ... on UserError { message } } }',
      { input: { conversationId: encodeGlobalId('Conversation', tenant.idOf('conversations')), role: 'USER', content } },
    );
  expect(pick(await append('é'.repeat(524_288)), 'result.__typename')).toBe('AppendMessagePayload');
  expect(pick(await append(`${'é'.repeat(524_288)}x`), 'result.__typename')).toBe('ValidationError');
});

test.each([6_000, 65])('rejects JSON nested %i levels deep', async (depth) => {
  const metadata = JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`);
  const answer = await graph.execute(asViewer(tenant), CREATE, { input: { name: 'Deep', provider: 'p', model: 'm', metadata } });
  expect(pick(answer, 'result')).toMatchObject({ __typename: 'ValidationError' });
});

test('derives unique slugs from equal names and rejects a taken slug', async () => {
  const make = (input: object) => graph.execute(asViewer(tenant), CREATE, { input: { provider: 'p', model: 'm', ...input } });
  for (const name of ['客服', '助手', 'Café Münster', 'Cafe Munster'])
    expect(pick(await make({ name }), 'result.__typename')).toBe('CreateAgentPayload');
  expect(pick(await make({ name: 'x', slug: 'cafe-munster' }), 'result.__typename')).toBe('ConflictError');
});

test('derives startedAt from completedAt and durationMs', async () => {
  const answer = await graph.execute(
    asViewer(tenant),
    'mutation ($input: RecordToolExecutionInput!) { result: recordToolExecution(input: $input) { ... on RecordToolExecutionPayload { toolExecution { startedAt } } } }',
    { input: { toolName: 'clock', status: 'SUCCESS', completedAt: '2026-01-01T00:00:01Z', durationMs: 1_000 } },
  );
  expect(pick<Date>(answer, 'result.toolExecution.startedAt')).toEqual(new Date('2026-01-01T00:00:00Z'));
});
