import {
  type DocumentNode,
  execute,
  type GraphQLField,
  getNamedType,
  isLeafType,
  isObjectType,
  isRequiredArgument,
  parse,
} from 'graphql';
import { beforeAll, describe, expect, test } from 'vitest';
import { schema } from '../../../../src/app/schema.ts';
import { permissionsOf } from '../../../../src/platform/auth/permissions.ts';
import { requestContextOf, type Viewer } from '../../../../src/platform/auth/viewer.ts';
import type { GraphQLContext } from '../../../../src/platform/graphql/context.ts';
import { executeOperation } from '../../../../src/platform/graphql/executor/execute.ts';
import { serializedData } from '../../../../src/platform/graphql/executor/serialized-result.ts';
import { encodeGlobalId } from '../../../../src/platform/graphql/kit/global-id.ts';
import { createLoaders } from '../../../../src/platform/graphql/loaders.ts';
import { UnavailableError } from '../../../../src/platform/lib/errors.ts';
import { runWithContext } from '../../../../src/platform/postgres/request-scope.ts';
import { type TestGraph, testGraph } from '../../../testkit/graph.ts';
import { asViewer, createConversation, createTenant, type TestTenant } from '../../../testkit/tenants.ts';

let graph: TestGraph;
let tenant: TestTenant;

/** The table of an object type. */
function tableOf(type: string): string {
  const name = type.replace(/(?<!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
  return name.replace(/(?<![aeo])y$/, 'ie').concat('s');
}

beforeAll(async () => {
  graph = await testGraph();
  tenant = await createTenant(graph, { members: ['VIEWER'], rows: ['agents'] });
  await createConversation(tenant);
});

interface Outcome {
  /** The result as clients receive it. */
  result: unknown;
  planned: boolean;
}

const REQUEST = { requestId: 'request', ip: undefined, userAgent: undefined };

async function both(
  source: string | DocumentNode,
  { viewer = asViewer(tenant), variables }: { viewer?: Viewer | null; variables?: Record<string, unknown> } = {},
): Promise<{ planned: Outcome; specified: Outcome }> {
  const document = typeof source === 'string' ? parse(source) : source;
  const requestContext = requestContextOf(viewer, REQUEST);
  const context = (): GraphQLContext => ({
    ...graph.services,
    ...requestContext,
    loaders: createLoaders(),
    sizeChecked: true,
  });
  return runWithContext(requestContext.dbContext, async () => {
    const executed = await executeOperation({ schema, document, variableValues: variables, contextValue: context() });
    const text = serializedData(executed);
    const result: unknown = text === undefined ? JSON.parse(JSON.stringify(executed)) : { data: JSON.parse(text) };
    const reference = await execute({ schema, document, variableValues: variables, contextValue: context() });
    return {
      planned: { result, planned: text !== undefined },
      specified: { result: JSON.parse(JSON.stringify(reference)), planned: false },
    };
  });
}

/** Selects all leaves of a type, the typenames of its objects, and pages of its lists. */
function everythingOf(fields: readonly GraphQLField<unknown, unknown>[]): string {
  return fields
    .filter(({ args }) => !args.some(isRequiredArgument))
    .map(({ name, type }) => {
      const named = getNamedType(type);
      if (isLeafType(named)) return name;
      if (isObjectType(named) && named.name.endsWith('Connection')) {
        return `${name}(first: 3) { totalCount nodes { __typename id } edges { cursor node { id } } pageInfo { hasNextPage endCursor startCursor } }`;
      }
      return `${name} { __typename }`;
    })
    .join(' ');
}

const nodeTypes = schema.getPossibleTypes(schema.getType('Node') as never).map(({ name }) => name);

describe('a plan has the same result as graphql-js', () => {
  test.each([
    ['aliases, and a type name in the middle', '{ b: viewer { r: role } kind: __typename a: viewer { role __typename } }'],
    [
      'fragments that overlap',
      '{ agents { nodes { ...A id ... on Agent { name slug } } } } fragment A on Agent { name conversations { nodes { id } } conversations { nodes { title } } }',
    ],
    [
      'types of an interface',
      '{ nodes(ids: ["$agent", "$conversation"]) { id __typename ... on Agent { name } ... on Conversation { title agent { name } } } }',
    ],
    ['a node that is none of the types it is asked for', '{ node(id: "$agent") { ... on Message { content } } }'],
    [
      'lists in lists in lists',
      '{ agents { nodes { conversations(first: 2) { edges { cursor node { messages { nodes { content conversation { agent { id } } } } } } } } } }',
    ],
    ['null', '{ agent(id: "01a2062c-c764-73cb-95d8-81a7e2eb5f00") { id } }'],
    [
      'a constant condition',
      '{ viewer { role @skip(if: true) } agents @include(if: false) { totalCount } tenant { name @include(if: true) } }',
    ],
  ])('%s', async (_what, source) => {
    const asked = source
      .replace('$agent', encodeGlobalId('Agent', tenant.idOf('agents')))
      .replace('$conversation', encodeGlobalId('Conversation', tenant.idOf('conversations')));
    const { planned, specified } = await both(asked);
    expect(planned.planned).toBe(true);
    // Compared as text, because the order of fields matters.
    expect(JSON.stringify(planned.result)).toBe(JSON.stringify(specified.result));
  });

  test('for fields that depend on variables, executed again with others', async () => {
    const source = parse(
      'query ($size: Int!, $names: Boolean!) { agents(first: $size) { nodes { id name @include(if: $names) slug @skip(if: $names) } } }',
    );
    for (const variables of [
      { size: 1, names: true },
      { size: 0, names: true },
      { size: 1, names: false },
      { size: 1, names: true },
    ]) {
      const { planned, specified } = await both(source, { variables });
      expect(planned.planned).toBe(true);
      expect(planned.result).toEqual(specified.result);
    }
  });

  test.each(nodeTypes)('for all fields of %s', async (type) => {
    // A price belongs to no tenant, so the tenant has no row.
    const ids: Record<string, string> = { ModelPrice: tenant.id };
    const fields = Object.values(
      (schema.getType(type) as { getFields?: () => Record<string, GraphQLField<unknown, unknown>> }).getFields?.() ?? {},
    );
    if (type === 'AuditLog') {
      const { data } = await graph.execute(asViewer(tenant), '{ auditLogs(first: 1) { nodes { uuid } } }');
      ids[type] = (data as { auditLogs: { nodes: { uuid: string }[] } }).auditLogs.nodes[0]?.uuid ?? '';
    }
    const source = `{ node(id: "${encodeGlobalId(type, String(ids[type] ?? (await tenant.anyId(tableOf(type)))))}") { ... on ${type} { ${everythingOf(fields)} } } }`;
    const { planned, specified } = await both(source);
    expect(planned.result).toEqual(specified.result);
    if (type !== 'ModelPrice') expect(planned.result).toMatchObject({ data: { node: { uuid: expect.any(String) } } });
  });
});

describe('without a plan', () => {
  test('reports each field that the viewer may not read', async () => {
    const scoped: Viewer = { ...asViewer(tenant), permissions: new Set(['agent:read']) };
    const { planned, specified } = await both('{ agents { nodes { name conversations { nodes { title } } } } tenant { name } }', {
      viewer: scoped,
    });
    expect(planned.planned).toBe(false);
    expect(planned.result).toEqual(specified.result);
    expect(JSON.stringify(planned.result)).toContain('does not allow');
  });

  test('checks scopes for each type of an interface', async () => {
    const scoped: Viewer = { ...asViewer(tenant), permissions: new Set(['agent:read']) };
    const source = (type: string, id: string) =>
      `{ node(id: "${encodeGlobalId(type, id)}") { id ... on Agent { name } ... on Message { content } } }`;
    const open = await both(source('Agent', tenant.idOf('agents')), { viewer: scoped });
    expect(open.planned).toMatchObject({ planned: true, result: { data: { node: { name: 'Agent' } } } });
    const closed = await both(source('Message', tenant.idOf('messages')), { viewer: scoped });
    expect(closed.planned.planned).toBe(false);
    expect(closed.planned.result).toEqual(closed.specified.result);
    expect(JSON.stringify(closed.planned.result)).not.toContain('Hello');
  });

  test('an anonymous viewer has the same result as from graphql-js', async () => {
    const { planned, specified } = await both('{ viewer { role } agents { nodes { name } } }', { viewer: null });
    expect(planned.result).toEqual(specified.result);
    expect(planned.planned).toBe(false);
  });

  test('checks the scopes of each viewer for a shared plan', async () => {
    const source = parse('{ agents { nodes { id name } } }');
    expect((await both(source)).planned.planned).toBe(true);
    const without: Viewer = { ...asViewer(tenant), permissions: new Set() };
    const { planned, specified } = await both(source, { viewer: without });
    expect(planned).toMatchObject({ planned: false, result: specified.result });
    expect((await both(source, { viewer: { ...asViewer(tenant), permissions: permissionsOf('VIEWER') } })).planned.planned).toBe(
      true,
    );
  });

  test('an operation with errors has the same result as from graphql-js', async () => {
    const source =
      '{ a: agents(first: 1) { nodes { conversations(first: 101) { totalCount } name } } b: agents(after: "nonsense") { totalCount } }';
    const { planned, specified } = await both(source);
    expect(planned.planned).toBe(false);
    expect(planned.result).toEqual(specified.result);
    expect(planned.result).toMatchObject({ errors: expect.arrayContaining([expect.anything()]) });
  });

  test('waits once for an unavailable database', async () => {
    const { database } = graph.services;
    const real = database.query;
    let asked = 0;
    database.query = () => {
      asked++;
      return Promise.reject(new UnavailableError('away'));
    };
    try {
      const answer = await graph.execute(asViewer(tenant), '{ agents { nodes { name } } }');
      expect(answer).toMatchObject({ data: null, codes: ['UNAVAILABLE'] });
      expect(asked).toBe(1);
    } finally {
      database.query = real;
    }
  });

  test('executes mutations once', async () => {
    const source =
      'mutation { createAgent(input: { name: "Planned", provider: "local", model: "echo" }) { ... on CreateAgentPayload { agent { name } } } }';
    const answer = await graph.execute(asViewer(tenant), source);
    expect(answer.codes).toEqual([]);
    const { data } = await graph.execute(asViewer(tenant), '{ agents(filter: { search: "Planned" }) { totalCount } }');
    expect(data).toEqual({ agents: { totalCount: 1 } });
  });
});
