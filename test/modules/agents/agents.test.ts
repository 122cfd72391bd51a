import { beforeAll, describe, expect, test } from 'vitest';
import { encodeGlobalId } from '../../../src/platform/graphql/kit/global-id.ts';
import { pick, type TestGraph, testGraph } from '../../testkit/graph.ts';
import { asViewer, createConversation, createTenant, type TestTenant } from '../../testkit/tenants.ts';

let graph: TestGraph;
let tenant: TestTenant;
let other: TestTenant;

beforeAll(async () => {
  graph = await testGraph();
  [tenant, other] = [await createTenant(graph, { rows: ['agents'] }), await createTenant(graph, { rows: ['agents'] })];
  await createConversation(tenant);
  await tenant.row('agent_versions');
  const viewer = asViewer(tenant);
  for (const [index, name] of ['Alpha', 'Beta', 'Gamma', 'Delta', 'Omega'].entries()) {
    const answer = await graph.execute(
      viewer,
      'mutation ($input: CreateAgentInput!) { createAgent(input: $input) { ... on CreateAgentPayload { agent { id } } } }',
      { input: { name, provider: 'p', model: 'm', tags: index % 2 ? ['odd'] : ['even', 'all'] } },
    );
    pick(answer, 'createAgent.agent.id');
  }
});

const names = (answer: Awaited<ReturnType<TestGraph['execute']>>) =>
  pick<{ name: string }[]>(answer, 'agents.nodes').map(({ name }) => name);

test('sets no temperature unless the input does, and takes it back with null', async () => {
  const viewer = asViewer(tenant);
  const agentOf = async (name: string, input: object) => {
    const answer = await graph.execute(
      viewer,
      `mutation ($input: ${name}Input!) { r: ${name.charAt(0).toLowerCase()}${name.slice(1)}(input: $input) { ... on ${name}Payload { agent { id temperature contextTokens } } ... on UserError { message } } }`,
      { input },
    );
    return pick<{ id: string; temperature: number | null; contextTokens: number | null }>(answer, 'r.agent');
  };
  const created = await agentOf('CreateAgent', { name: 'Plain', provider: 'p', model: 'm' });
  expect(created).toMatchObject({ temperature: null, contextTokens: null });
  const { id } = created;
  expect(await agentOf('UpdateAgent', { id, temperature: 0, contextTokens: 8_192 })).toEqual({
    id,
    temperature: 0,
    contextTokens: 8_192,
  });
  expect(await agentOf('UpdateAgent', { id, temperature: null, contextTokens: null })).toEqual({
    id,
    temperature: null,
    contextTokens: null,
  });
  await graph.ownerQuery('DELETE FROM agents WHERE name = $1', ['Plain']);
});

describe('lists', () => {
  test('page forward and backward in every order without loss or repetition', async () => {
    for (const orderBy of ['CREATED_AT_DESC', 'CREATED_AT_ASC', 'UPDATED_AT_DESC', 'NAME_ASC', 'NAME_DESC']) {
      const all = names(await graph.execute(asViewer(tenant), `{ agents(first: 100, orderBy: ${orderBy}) { nodes { name } } }`));
      expect(all).toHaveLength(6);
      const forward: string[] = [];
      for (let after: string | null = null; ; ) {
        const answer: Awaited<ReturnType<TestGraph['execute']>> = await graph.execute(
          asViewer(tenant),
          `query ($after: String) { agents(first: 2, after: $after, orderBy: ${orderBy}) { nodes { name } pageInfo { hasNextPage endCursor } } }`,
          { after },
        );
        forward.push(...names(answer));
        if (!pick<boolean>(answer, 'agents.pageInfo.hasNextPage')) break;
        after = pick(answer, 'agents.pageInfo.endCursor');
      }
      expect(forward).toEqual(all);
      const backward: string[] = [];
      for (let before: string | null = null; ; ) {
        const answer: Awaited<ReturnType<TestGraph['execute']>> = await graph.execute(
          asViewer(tenant),
          `query ($before: String) { agents(last: 2, before: $before, orderBy: ${orderBy}) { nodes { name } pageInfo { hasPreviousPage startCursor } } }`,
          { before },
        );
        backward.unshift(...names(answer));
        if (!pick<boolean>(answer, 'agents.pageInfo.hasPreviousPage')) break;
        before = pick(answer, 'agents.pageInfo.startCursor');
      }
      expect(backward).toEqual(all);
    }
  });

  test('filter by status, tags and text, and count filtered rows', async () => {
    const filtered = await graph.execute(
      asViewer(tenant),
      '{ agents(filter: { tags: ["even", "all"], status: [ACTIVE], search: "MM" }) { totalCount nodes { name } } }',
    );
    expect(names(filtered)).toEqual(['Gamma']);
    expect(pick<number>(filtered, 'agents.totalCount')).toBe(1);
  });

  test.each([
    ['{ agents(first: 101) { nodes { id } } }', 'between 0 and 100'],
    ['{ agents(first: -1) { nodes { id } } }', 'between 0 and 100'],
    ['{ agents(first: 1, last: 1) { nodes { id } } }', 'mutually exclusive'],
    ['{ agents(after: "nonsense") { nodes { id } } }', 'cursor is not valid'],
  ])('%s returns a validation error', async (source, message) => {
    const answer = await graph.execute(asViewer(tenant), source);
    expect(answer.codes).toEqual(['VALIDATION_FAILED']);
    expect(answer.messages[0]).toContain(message);
  });

  test('reject a cursor of another list or order', async () => {
    const cursor = pick(
      await graph.execute(asViewer(tenant), '{ agents(first: 1) { pageInfo { endCursor } } }'),
      'agents.pageInfo.endCursor',
    );
    for (const list of ['conversations', 'agents(orderBy: NAME_ASC', 'toolExecutions']) {
      const source = `query ($after: String) { list: ${list.includes('(') ? `${list},` : `${list}(`} after: $after) { nodes { id } } }`;
      expect((await graph.execute(asViewer(tenant), source, { after: cursor })).codes).toEqual(['VALIDATION_FAILED']);
    }
  });

  test('run one statement per level for any number of rows', async () => {
    const source = `{ agents(first: 10) { nodes { name createdBy { email } versions { nodes { number } }
      conversations(first: 5) { totalCount nodes { title messages(first: 5) { nodes { content conversation { agent { name } } } } } } } } }`;
    const answer = await graph.execute(asViewer(tenant), source);
    expect(answer.messages).toEqual([]);
    // One statement each: agents, creators, versions, conversations, their count, messages, and the references back.
    expect(answer.statements).toHaveLength(8);
  });
});

describe('agent', () => {
  test('returns an agent by id, by UUID and as a node', async () => {
    const id = encodeGlobalId('Agent', tenant.idOf('agents'));
    const answer = await graph.execute(
      asViewer(tenant),
      'query ($id: ID!, $uuid: ID!) { agent(id: $id) { uuid } same: agent(id: $uuid) { id } node(id: $id) { __typename id ... on Agent { uuid createdBy { email } } } }',
      { id, uuid: tenant.idOf('agents') },
    );
    expect(answer.data).toMatchObject({
      agent: { uuid: tenant.idOf('agents') },
      same: { id },
      node: { __typename: 'Agent', id, uuid: tenant.idOf('agents'), createdBy: { email: tenant.owner.email } },
    });
  });

  test('returns null for an agent of another tenant', async () => {
    const answer = await graph.execute(
      asViewer(tenant),
      'query ($id: ID!, $ids: [ID!]!) { agent(id: $id) { id } node(id: $id) { id } nodes(ids: $ids) { id } }',
      {
        id: encodeGlobalId('Agent', other.idOf('agents')),
        ids: [encodeGlobalId('Agent', other.idOf('agents')), encodeGlobalId('Agent', tenant.idOf('agents'))],
      },
    );
    expect(answer.data).toEqual({
      agent: null,
      node: null,
      nodes: [null, { id: encodeGlobalId('Agent', tenant.idOf('agents')) }],
    });
  });

  test('rejects the id of another type', async () => {
    const answer = await graph.execute(asViewer(tenant), 'query ($id: ID!) { agent(id: $id) { id } }', {
      id: encodeGlobalId('Conversation', tenant.idOf('conversations')),
    });
    expect(answer.messages).toEqual(['This is the id of a Conversation, not of an Agent.']);
  });
});

describe('versions', () => {
  test('are numbered 1, 2, 3 and store the definition at publication', async () => {
    const viewer = asViewer(tenant);
    const create = await graph.execute(
      viewer,
      'mutation { createAgent(input: { name: "Versioned", provider: "p", model: "one" }) { ... on CreateAgentPayload { agent { id } } } }',
    );
    const id = pick(create, 'createAgent.agent.id');
    const publish =
      'mutation ($id: ID!) { publishAgentVersion(input: { agentId: $id }) { ... on PublishAgentVersionPayload { version { number } } } }';
    await graph.execute(viewer, publish, { id });
    await graph.execute(viewer, 'mutation ($id: ID!) { updateAgent(input: { id: $id, model: "two" }) { __typename } }', { id });
    await graph.execute(viewer, publish, { id });
    const answer = await graph.execute(
      viewer,
      'query ($id: ID!) { agent(id: $id) { version versions(orderBy: NUMBER_ASC) { totalCount nodes { number snapshot } } } }',
      { id },
    );
    expect(answer.data).toMatchObject({
      agent: {
        version: 2,
        versions: {
          totalCount: 2,
          nodes: [
            { number: 1, snapshot: { model: 'one' } },
            { number: 2, snapshot: { model: 'two' } },
          ],
        },
      },
    });
  });

  test('reject changes, versions and conversations of an archived agent until it is restored', async () => {
    const viewer = asViewer(other);
    const id = encodeGlobalId('Agent', other.idOf('agents'));
    const run = async (source: string) => pick(await graph.execute(viewer, source, { id }), 'result.__typename');
    expect(await run('mutation ($id: ID!) { result: archiveAgent(input: { id: $id }) { __typename } }')).toBe(
      'ArchiveAgentPayload',
    );
    for (const source of [
      'mutation ($id: ID!) { result: updateAgent(input: { id: $id, name: "x" }) { __typename } }',
      'mutation ($id: ID!) { result: publishAgentVersion(input: { agentId: $id }) { __typename } }',
      'mutation ($id: ID!) { result: createConversation(input: { agentId: $id }) { __typename } }',
      'mutation ($id: ID!) { result: archiveAgent(input: { id: $id }) { __typename } }',
    ]) {
      expect(await run(source)).toBe('InvalidStateError');
    }
    expect(await run('mutation ($id: ID!) { result: restoreAgent(input: { id: $id }) { __typename } }')).toBe(
      'RestoreAgentPayload',
    );
    expect(await run('mutation ($id: ID!) { result: createConversation(input: { agentId: $id }) { __typename } }')).toBe(
      'CreateConversationPayload',
    );
  });
});
