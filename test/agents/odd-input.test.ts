import { beforeAll, describe, expect, test } from 'vitest';
import { encodeGlobalId } from '../../src/graphql/global-id.ts';
import { at, type Graph, testGraph } from '../testkit/graph.ts';
import { asViewer, createTenant, type PopulatedTenant } from '../testkit/tenants.ts';

let graph: Graph;
let tenant: PopulatedTenant;

beforeAll(async () => {
  graph = await testGraph();
  tenant = await createTenant(graph);
});

const CREATE =
  'mutation ($input: CreateAgentInput!) { result: createAgent(input: $input) { __typename ... on UserError { message } } }';

describe('text that PostgreSQL cannot keep is refused with a reason', () => {
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
    expect(at(answer, 'result')).toMatchObject({ __typename: 'ValidationError' });
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

test('right-to-left, emoji and combining characters come back as they went in', async () => {
  const name = 'שלום 👩‍🔬 é ｆｕｌｌ';
  const created = await graph.execute(
    asViewer(tenant),
    'mutation ($input: CreateAgentInput!) { result: createAgent(input: $input) { ... on CreateAgentPayload { agent { id name slug } } } }',
    { input: { name, provider: 'p', model: 'm' } },
  );
  expect(at(created, 'result.agent.name')).toBe(name);
  expect(at(created, 'result.agent.slug')).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
});

test('a message of a mebibyte is kept, one byte more is not', async () => {
  const append = (content: string) =>
    graph.execute(
      asViewer(tenant),
      'mutation ($input: AppendMessageInput!) { result: appendMessage(input: $input) { __typename ... on UserError { message } } }',
      { input: { conversationId: encodeGlobalId('Conversation', tenant.conversationId), role: 'USER', content } },
    );
  expect(at(await append('é'.repeat(524_288)), 'result.__typename')).toBe('AppendMessagePayload');
  expect(at(await append(`${'é'.repeat(524_288)}x`), 'result.__typename')).toBe('ValidationError');
});
