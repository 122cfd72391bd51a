import { execute, type GraphQLObjectType, getNamedType, isLeafType, isObjectType, parse } from 'graphql';
import { describe, expect, test, vi } from 'vitest';
import { schema } from '../../../../src/app/schema.ts';
import { permissionsOfScope } from '../../../../src/platform/auth/permissions.ts';
import { requestContextOf, type Viewer } from '../../../../src/platform/auth/viewer.ts';
import type { GraphQLContext } from '../../../../src/platform/graphql/context.ts';
import { EventResultCache, resultCacheKey, resultText } from '../../../../src/platform/graphql/http/event-result-cache.ts';
import { encodeGlobalId } from '../../../../src/platform/graphql/kit/global-id.ts';
import { createLoaders } from '../../../../src/platform/graphql/loaders.ts';
import { tenantTablesOf } from '../../../../src/platform/graphql/tenant-scoped.ts';
import { newId } from '../../../../src/platform/lib/ids.ts';
import { runWithContext } from '../../../../src/platform/postgres/request-scope.ts';
import { testGraph } from '../../../testkit/graph.ts';
import { asViewer, createTenant } from '../../../testkit/tenants.ts';
import { viewerOf } from '../memory-log.ts';

const graph = await testGraph();

const EVENTS = 'subscription ($id: ID!) { conversationEvents(conversationId: $id) { sequence message { content } } }';
const CREATOR = 'subscription ($id: ID!) { conversationEvents(conversationId: $id) { conversation { agent { name } } } }';

function keyOf(viewer: Viewer, source = EVENTS, variableValues: Record<string, unknown> = { id: '1' }, operationName?: string) {
  return resultCacheKey({ schema, document: parse(source), variableValues, operationName }, viewer);
}

describe('result sharing', () => {
  const viewer = { ...viewerOf(newId()), permissions: new Set(permissionsOfScope('agents:execute')) };
  const other = { ...viewer, userId: newId() };

  test('shares between viewers of a tenant with equal permissions and equivalent documents', () => {
    expect(keyOf(other)).toBe(keyOf(viewer));
    expect(keyOf(viewer, EVENTS.replaceAll(' ', '\n'))).toBe(keyOf(viewer));
  });

  test.each([
    ['tenant', { tenantId: newId() }],
    ['rights', { permissions: new Set(permissionsOfScope('conversations:read')) }],
    ['role', { role: 'VIEWER' as const }],
    ['kind of credential', { apiKeyId: newId() }],
  ])('does not share with a different %s', (_what, change) => {
    expect(keyOf({ ...viewer, ...change })).not.toBe(keyOf(viewer));
  });

  test('does not share between different selections', () => {
    expect(keyOf(viewer, EVENTS, { id: '2' })).not.toBe(keyOf(viewer));
    expect(keyOf(viewer, EVENTS.replace('sequence', 'type'))).not.toBe(keyOf(viewer));
    expect(keyOf(viewer, EVENTS, { id: '1' }, 'Other')).not.toBe(keyOf(viewer));
  });

  test('does not share with variables that are not JSON', () => {
    expect(keyOf(viewer, EVENTS, { id: '1', file: new Blob(['a']) })).toBeUndefined();
  });

  test('shares only within one credential if a selected type may depend on the viewer', () => {
    expect(keyOf(viewer, CREATOR)).toBe(keyOf(viewer, CREATOR));
    expect(keyOf(other, CREATOR)).not.toBe(keyOf(viewer, CREATOR));
    expect(keyOf({ ...viewer, apiKeyId: newId() }, CREATOR)).not.toBe(keyOf({ ...viewer, apiKeyId: newId() }, CREATOR));
  });
});

describe('types flagged as tenant-scoped', () => {
  const flagged = Object.values(schema.getTypeMap()).filter(isObjectType).filter(tenantTablesOf);

  test('have tables whose policies depend on the tenant alone', async () => {
    const { pool } = graph.database;
    const tables = new Set(flagged.flatMap((type) => tenantTablesOf(type) ?? []));
    expect(tables.size).toBeGreaterThan(0);
    const { rows } = await pool.query<{ tablename: string; qual: string }>(
      "SELECT tablename, qual FROM pg_policies WHERE tablename = ANY ($1) AND cmd IN ('ALL', 'SELECT') AND 'agentbase_app' = ANY (roles)",
      [[...tables]],
    );
    expect(new Set(rows.map(({ tablename }) => tablename))).toEqual(tables);
    for (const { qual } of rows)
      expect(qual).toMatch(/^\(tenant_id = \( SELECT (app\.)?current_tenant_id\(\) AS current_tenant_id\)\)$/);
  });

  test('have resolvers that read only the tenant and permissions of the viewer', async () => {
    const tenant = await createTenant(graph);
    const viewer = asViewer(tenant);
    const read = new Set<PropertyKey>();
    const watched = new Proxy(viewer, {
      get(target, property) {
        read.add(property);
        return Reflect.get(target, property);
      },
    });
    const request = { requestId: 'test', ip: undefined, userAgent: undefined };
    const { dbContext } = requestContextOf(viewer, request);
    const contextValue: GraphQLContext = { ...graph.services, viewer: watched, request, dbContext, loaders: createLoaders() };
    const run = async (source: string, rootValue?: unknown) => {
      const args = { schema, document: parse(source), contextValue, rootValue };
      const { errors } = await runWithContext(dbContext, async () => execute(args));
      expect(errors).toBeUndefined();
    };
    const fieldsOf = (type: GraphQLObjectType) =>
      Object.values(type.getFields()).map(({ name, type: of }) =>
        isLeafType(getNamedType(of)) ? name : `${name} { __typename }`,
      );
    const ofEvents = new Set(['Subscription', 'ConversationEvent', 'MessageDelta']);
    for (const type of flagged) {
      if (ofEvents.has(type.name)) continue;
      const [table = ''] = tenantTablesOf(type) ?? [];
      const id = await tenant.anyId(table);
      await run(`{ node(id: "${encodeGlobalId(type.name, id)}") { ... on ${type.name} { ${fieldsOf(type).join(' ')} } } }`);
    }
    const [conversationId, messageId, runId] = await Promise.all(['conversations', 'messages', 'agent_runs'].map(tenant.anyId));
    const [event, delta] = ['ConversationEvent', 'MessageDelta'].map((name) => schema.getType(name) as GraphQLObjectType);
    const fields = fieldsOf(event as GraphQLObjectType).map((field) =>
      field.startsWith('delta') ? `delta { ${fieldsOf(delta as GraphQLObjectType).join(' ')} }` : field,
    );
    const row = {
      tenantId: tenant.id,
      conversationId,
      sequence: 1,
      type: 'MESSAGE_APPENDED',
      payload: { messageId, runId },
      createdAt: new Date(),
      delta: { messageId, offset: 0, text: '' },
    };
    await run(`subscription { conversationEvents(conversationId: "x") { ${fields.join(' ')} } }`, { row });
    // The use of an API key is part of the sharing key.
    expect([...read].filter((property) => !['tenantId', 'role', 'permissions', 'apiKeyId'].includes(String(property)))).toEqual(
      [],
    );
  });
});

describe('a shared result', () => {
  const row = { sequence: 1 };
  const result = () => ({ data: { number: 1 } });

  test('is executed and serialized once for all readers of a row', async () => {
    const shared = new EventResultCache();
    const readers = [shared.reader('a'), shared.reader('a'), shared.reader('a')];
    const execute = vi.fn(async () => result());
    const results = await Promise.all(readers.map((reader) => reader.get(row, execute)));
    expect(execute).toHaveBeenCalledOnce();
    expect(new Set(results).size).toBe(1);
    expect(resultText(results[0] as object)).toBe('{"data":{"number":1}}');
  });

  test('does not apply to another key or row', async () => {
    const shared = new EventResultCache();
    const execute = vi.fn(async () => result());
    await shared.reader('a').get(row, execute);
    await shared.reader('b').get(row, execute);
    await shared.reader('a').get({ sequence: 1 }, execute);
    expect(execute).toHaveBeenCalledTimes(3);
  });

  test('is never older than the reader', async () => {
    const shared = new EventResultCache();
    const [first, second] = [shared.reader('a'), shared.reader('a')];
    const later = { sequence: 2 };
    const execute = vi.fn(async () => result());
    await first.get(row, execute);
    await first.get(later, execute);
    // A later reader receives the current state.
    const third = shared.reader('a');
    await third.get(row, execute);
    expect(execute).toHaveBeenCalledTimes(3);
    await third.get(later, execute);
    expect(execute).toHaveBeenCalledTimes(4);
    // The result that the third reader executed is recent enough for the second.
    await second.get(row, execute);
    await second.get(later, execute);
    expect(execute).toHaveBeenCalledTimes(4);
  });

  test('is not shared with errors', async () => {
    const shared = new EventResultCache();
    const readers = [shared.reader('a'), shared.reader('a')];
    const execute = vi.fn(async () => ({ errors: [] }));
    const results = await Promise.all(readers.map((reader) => reader.get(row, execute)));
    expect(execute).toHaveBeenCalledTimes(2);
    expect(results[0]).not.toBe(results[1]);
  });
});
