import { beforeAll, describe, expect, test } from 'vitest';
import { Agent } from '../../../../src/modules/agents/agent.ts';
import { entity } from '../../../../src/platform/graphql/kit/entity/entity.ts';
import { encodeGlobalId } from '../../../../src/platform/graphql/kit/global-id.ts';
import { runWithContext } from '../../../../src/platform/postgres/request-scope.ts';
import { type GraphResult, pick, type TestGraph, testGraph } from '../../../testkit/graph.ts';
import { asViewer, contextOf, createTenant, type TestTenant, unique } from '../../../testkit/tenants.ts';

let graph: TestGraph;
let tenant: TestTenant;

beforeAll(async () => {
  graph = await testGraph();
  tenant = await createTenant(graph);
});

function execute(source: string, variables?: Record<string, unknown>): Promise<GraphResult> {
  return graph.execute(asViewer(tenant), source, variables);
}

async function createAgent(input: Record<string, unknown> = {}): Promise<string> {
  const result = await execute(
    'mutation ($input: CreateAgentInput!) { createAgent(input: $input) { ... on CreateAgentPayload { agent { id } } } }',
    { input: { name: unique('agent'), provider: 'p', model: 'm', ...input } },
  );
  return pick(result, 'createAgent.agent.id');
}

function updateAgent(input: Record<string, unknown>): Promise<GraphResult> {
  return execute(
    `mutation ($input: UpdateAgentInput!) {
      updateAgent(input: $input) {
        __typename
        ... on UpdateAgentPayload { agent { name description maxTokens tags maxRunTokens } }
        ... on NotFoundError { path }
      }
    }`,
    { input },
  );
}

function archive(id: string): Promise<GraphResult> {
  return execute('mutation ($id: ID!) { archiveAgent(input: { id: $id }) { __typename ... on UserError { message path } } }', {
    id,
  });
}

describe('filters', () => {
  const listIds = async (filter: object): Promise<string[]> => {
    const result = await execute('query ($filter: AgentFilter) { agents(filter: $filter, first: 100) { nodes { id } } }', {
      filter,
    });
    return pick<{ id: string }[]>(result, 'agents.nodes').map(({ id }) => id);
  };

  test('anyOf returns rows with one of the values', async () => {
    const browser = await createAgent({ kind: 'BROWSER' });
    const background = await createAgent({ kind: 'BACKGROUND' });
    const ids = await listIds({ kind: ['BROWSER'] });
    expect(ids).toContain(browser);
    expect(ids).not.toContain(background);
  });

  test('containsAll returns rows whose list has all of the values', async () => {
    const [one, two] = [unique('tag'), unique('tag')];
    const both = await createAgent({ tags: [one, two] });
    await createAgent({ tags: [one] });
    expect(await listIds({ tags: [one, two] })).toEqual([both]);
  });

  test('containsText compares literally and ignores case', async () => {
    const id = await createAgent({ name: 'Quarter 100%_Report' });
    expect(await listIds({ search: 'quarter 100%_' })).toEqual([id]);
    expect(await listIds({ search: 'quarter%report' })).toEqual([]);
  });

  test('conditions are combined with AND, and null or an empty text adds none', async () => {
    const tag = unique('tag');
    const id = await createAgent({ tags: [tag], kind: 'BROWSER' });
    expect(await listIds({ tags: [tag], kind: ['BROWSER'] })).toEqual([id]);
    expect(await listIds({ tags: [tag], kind: ['ASSISTANT'] })).toEqual([]);
    expect(await listIds({ tags: [tag], kind: null, search: '' })).toEqual([id]);
  });
});

describe('orders', () => {
  test('the first declared order is the default', async () => {
    const order = async (argument: string) =>
      pick<unknown[]>(await execute(`{ agents${argument} { nodes { id } } }`), 'agents.nodes');
    expect(await order('')).toEqual(await order('(orderBy: CREATED_AT_DESC)'));
  });

  test('page reads the same list outside of GraphQL', async () => {
    const { database } = graph;
    const { nodes } = await runWithContext(contextOf(tenant), () => Agent.page(database, {}, { first: 3 }, 'name'));
    const listed = pick<{ name: string }[]>(
      await execute('{ agents(first: 3, orderBy: NAME_ASC) { nodes { name } } }'),
      'agents.nodes',
    );
    expect(nodes.map(({ name }) => name)).toEqual(listed.map(({ name }) => name));
  });
});

describe('references', () => {
  test('a reference resolves to the object whose id the column holds', async () => {
    const result = await execute('query ($id: ID!) { agent(id: $id) { createdBy { uuid } } }', { id: await createAgent() });
    expect(pick(result, 'agent.createdBy.uuid')).toBe(tenant.owner.userId);
  });

  test('a reference is null where the column is null', async () => {
    const { id } = await tenant.row('agents', { created_by_id: null });
    const result = await execute('query ($id: ID!) { agent(id: $id) { createdBy { uuid } } }', { id });
    expect(pick(result, 'agent')).toEqual({ createdBy: null });
  });
});

describe('create and update', () => {
  test('create sets the defaults of columns that the input omits or sets to null', async () => {
    const id = await createAgent({ kind: null });
    const result = await execute('query ($id: ID!) { agent(id: $id) { kind tags description } }', { id });
    expect(pick(result, 'agent')).toEqual({ kind: 'ASSISTANT', tags: [], description: null });
  });

  test('update leaves columns unchanged that the input omits', async () => {
    const id = await createAgent({ name: 'Unchanged', description: 'A description', maxTokens: 5, maxRunTokens: 7 });
    expect(pick(await updateAgent({ id, maxTokens: 6 }), 'updateAgent.agent')).toEqual({
      name: 'Unchanged',
      description: 'A description',
      maxTokens: 6,
      tags: [],
      maxRunTokens: 7,
    });
  });

  test('update clears a nullable column with null and leaves any other unchanged', async () => {
    const id = await createAgent({
      name: 'Required',
      description: 'A description',
      maxTokens: 5,
      tags: ['one'],
      maxRunTokens: 7,
    });
    const cleared = await updateAgent({ id, name: null, description: null, maxTokens: null, tags: null, maxRunTokens: null });
    expect(pick(cleared, 'updateAgent.agent')).toEqual({
      name: 'Required',
      description: null,
      maxTokens: null,
      tags: ['one'],
      maxRunTokens: null,
    });
  });

  test('update returns NotFoundError for a row of another tenant', async () => {
    const other = await createTenant(graph, { rows: ['agents'] });
    const result = await updateAgent({ id: encodeGlobalId('Agent', other.idOf('agents')), name: 'Other' });
    expect(pick(result, 'updateAgent')).toEqual({ __typename: 'NotFoundError', path: ['input', 'id'] });
  });
});

describe('transition', () => {
  test('of two concurrent calls only one succeeds', async () => {
    const id = await createAgent();
    const results = await Promise.all([archive(id), archive(id)]);
    const typenames = results.map((result) => pick(result, 'archiveAgent.__typename')).sort();
    expect(typenames).toEqual(['ArchiveAgentPayload', 'InvalidStateError']);
  });

  test('returns InvalidStateError with the path of the id for a row in another state', async () => {
    const id = await createAgent();
    await archive(id);
    expect(pick(await archive(id), 'archiveAgent')).toEqual({
      __typename: 'InvalidStateError',
      message: expect.any(String),
      path: ['input', 'id'],
    });
  });

  test('returns NotFoundError for a row that does not exist', async () => {
    const id = encodeGlobalId('Agent', crypto.randomUUID());
    expect(pick(await archive(id), 'archiveAgent.__typename')).toBe('NotFoundError');
  });
});

describe('declarations', () => {
  test('a wrong column, status or order does not type-check', () => {
    // Never called: TypeScript checks the body.
    const wrong = () => {
      // @ts-expect-error agents have no column `title`
      entity('Agent', { table: 'agents', access: 'agent:read', columns: [], inputs: { title: {} } });
      Agent.mutations.transition('pauseAgent', {
        description: 'Pauses an agent.',
        // @ts-expect-error agents have no status `PAUSED`
        from: ['PAUSED'],
        set: { status: 'INACTIVE' },
        refusal: 'The agent is not active.',
      });
      // @ts-expect-error agents have no column `title` to order by
      Agent.page(graph.database, {}, {}, 'title');
    };
    expect(wrong).toBeTypeOf('function');
  });

  test('log throws where the entity declares no changes', () => {
    expect(() => Agent.log).toThrow('Agent declares no changes');
  });
});
