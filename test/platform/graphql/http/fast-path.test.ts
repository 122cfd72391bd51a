import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apiKey, conversation, type NewTenant, signUp, startTestServer, type TestServer } from '../../../testkit/server.ts';

let server: TestServer;
let tenant: NewTenant;
let limited: Record<string, string>;
let conversationId: string;

beforeAll(async () => {
  server = await startTestServer();
  tenant = await signUp(server.url);
  limited = await apiKey(server.url, tenant, ['AGENTS_READ']);
  ({ conversationId } = await conversation(server.url, tenant));
});
afterAll(() => server.close());

async function send(body: string, headers: Record<string, string>) {
  const response = await fetch(server.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  // A masked error contains its own request id.
  const text = (await response.text()).replace(/"requestId":"[^"]*"/g, '"requestId":""');
  return { status: response.status, type: response.headers.get('content-type'), text };
}

interface Sent {
  query: string;
  variables?: Record<string, unknown>;
  operationName?: string;
  extensions?: Record<string, unknown>;
}

describe('a repeated operation has the same response as the first', () => {
  const owner = () => tenant.authorization;
  test.each<[string, Sent, () => Record<string, string>]>([
    ['a query', { query: '{ viewer { role user { email } } tenant { name } }' }, owner],
    [
      'with variables',
      { query: 'query Q($first: Int) { agents(first: $first) { totalCount nodes { id } } }', variables: { first: 3 } },
      owner,
    ],
    ['by its name', { query: 'query Named { viewer { role } }', operationName: 'Named' }, owner],
    ['by a name it does not have', { query: 'query Other { viewer { role } }', operationName: 'Nameless' }, owner],
    ['one of several', { query: 'query A { viewer { role } } query B { tenant { name } }', operationName: 'B' }, owner],
    ['without a credential', { query: '{ viewer { role } agents { totalCount } }' }, () => ({})],
    ['where some is refused', { query: '{ agents { totalCount } tenant { name } conversations { totalCount } }' }, () => limited],
    ['where a cursor is none', { query: '{ agents(after: "x") { totalCount } viewer { role } }' }, owner],
    [
      'with a variable that does not fit',
      { query: 'query V($n: Int!) { agents(first: $n) { totalCount } }', variables: { n: 'three' } },
      owner,
    ],
    ['with a variable too few', { query: 'query W($n: Int!) { agents(first: $n) { totalCount } }' }, owner],
    [
      'with a variable too many',
      { query: 'query X($n: Int) { agents(first: $n) { totalCount } }', variables: { n: 1, other: true } },
      owner,
    ],
    ['that is no GraphQL', { query: '{ viewer { role ' }, owner],
    ['that is not valid', { query: '{ viewer { nothing } }' }, owner],
    [
      'that is too large',
      {
        query: `{ ${Array.from({ length: 40 }, (_, n) => `a${n}: agents(first: 100) { nodes { conversations(first: 100) { totalCount } } }`).join(' ')} }`,
      },
      owner,
    ],
    [
      'with an argument that breaks a rule',
      {
        query: 'query R($input: SearchKnowledgeInput!) { searchKnowledge(input: $input) { __typename } }',
        variables: { input: { query: '' } },
      },
      owner,
    ],
    ['about the schema', { query: '{ __schema { queryType { name } } __typename }' }, owner],
    ['with extensions of the client', { query: '{ viewer { role } }', extensions: { anything: [1] } }, owner],
    [
      'a mutation that is refused',
      { query: 'mutation { createConversation(input: { agentId: "nonsense" }) { __typename ... on UserError { message } } }' },
      owner,
    ],
  ])('%s', async (_what, sent, credential) => {
    for (const accept of [
      '*/*',
      'application/json',
      'application/graphql-response+json',
      'text/html, application/graphql-response+json;q=0.9',
    ]) {
      const headers = { ...credential(), accept };
      const first = await send(JSON.stringify(sent), headers);
      expect(await send(JSON.stringify(sent), headers)).toEqual(first);
      expect(await send(JSON.stringify(sent), headers)).toEqual(first);
    }
  });

  test.each([
    ['no JSON', '{"query": '],
    ['a list', '[{"query":"{ viewer { role } }"}]'],
    ['no object', '"{ viewer { role } }"'],
    ['no query', '{}'],
    ['a query that is no text', '{"query":1}'],
    ['variables that are no object', '{"query":"{ viewer { role } }","variables":[1]}'],
    ['a parameter that is none', '{"query":"{ viewer { role } }","other":1}'],
    ['an operation name that is no text', '{"query":"{ viewer { role } }","operationName":1}'],
    ['nothing', ''],
  ])('%s', async (_what, body) => {
    const first = await send(body, tenant.authorization);
    expect(await send(body, tenant.authorization)).toEqual(first);
    expect(first.text).toContain('errors');
  });
});

test('invalid variables have the same error before and after an execution with valid ones', async () => {
  const query = 'query P($input: SearchKnowledgeInput!) { searchKnowledge(input: $input) { __typename } }';
  const ask = (text: string) => send(JSON.stringify({ query, variables: { input: { query: text } } }), tenant.authorization);
  const first = await ask('');
  expect(JSON.parse(first.text).errors).toMatchObject([{ extensions: { code: 'VALIDATION_FAILED', at: ['input', 'query'] } }]);
  for (let time = 0; time < 2; time++) expect(JSON.parse((await ask('refunds')).text).errors).toBeUndefined();
  expect(await ask('')).toEqual(first);
});

test('a repeated mutation is executed again', async () => {
  const query = `mutation M($input: AppendMessageInput!) { appendMessage(input: $input) { ... on AppendMessagePayload { appendedMessage { sequence } } } }`;
  const append = async () => {
    const body = JSON.stringify({ query, variables: { input: { conversationId, role: 'USER', content: 'Hello' } } });
    return JSON.parse((await send(body, tenant.authorization)).text).data.appendMessage.appendedMessage.sequence;
  };
  expect([await append(), await append(), await append()]).toEqual([1, 2, 3]);
});

test('the same document of another viewer is checked against their permissions', async () => {
  const body = JSON.stringify({ query: '{ conversations { totalCount } }' });
  expect(JSON.parse((await send(body, tenant.authorization)).text).data.conversations.totalCount).toBe(1);
  expect((await send(body, limited)).text).toContain('FORBIDDEN');
  expect((await send(body, {})).text).toContain('UNAUTHENTICATED');
});
