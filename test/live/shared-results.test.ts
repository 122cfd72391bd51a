import { parse } from 'graphql';
import { describe, expect, test, vi } from 'vitest';
import { permissionsOfScope } from '../../src/auth/permissions.ts';
import type { Viewer } from '../../src/auth/viewer.ts';
import { schema } from '../../src/graphql/schema.ts';
import { SharedResults, shareKey, TENANT_TYPES, textOf } from '../../src/graphql/shared-results.ts';
import { newId } from '../../src/lib/ids.ts';
import { testDatabase } from '../testkit/database.ts';
import { viewerOf } from './memory-log.ts';

const EVENTS = 'subscription ($id: ID!) { conversationEvents(conversationId: $id) { sequence message { content } } }';
const CREATOR = 'subscription ($id: ID!) { conversationEvents(conversationId: $id) { conversation { agent { name } } } }';

function keyOf(viewer: Viewer, source = EVENTS, variableValues: Record<string, unknown> = { id: '1' }, operationName?: string) {
  return shareKey({ schema, document: parse(source), variableValues, operationName }, viewer);
}

describe('who shares a result', () => {
  const viewer = { ...viewerOf(newId()), permissions: new Set(permissionsOfScope('agents:execute')) };
  const other = { ...viewer, userId: newId() };

  test('people of a tenant with the same rights, however they wrote the document', () => {
    expect(keyOf(other)).toBe(keyOf(viewer));
    expect(keyOf(viewer, EVENTS.replaceAll(' ', '\n'))).toBe(keyOf(viewer));
  });

  test.each([
    ['tenant', { tenantId: newId() }],
    ['rights', { permissions: new Set(permissionsOfScope('conversations:read')) }],
    ['role', { role: 'VIEWER' as const }],
    ['kind of credential', { apiKeyId: newId() }],
  ])('nobody with another %s', (_what, change) => {
    expect(keyOf({ ...viewer, ...change })).not.toBe(keyOf(viewer));
  });

  test('nobody who asks for something else', () => {
    expect(keyOf(viewer, EVENTS, { id: '2' })).not.toBe(keyOf(viewer));
    expect(keyOf(viewer, EVENTS.replace('sequence', 'type'))).not.toBe(keyOf(viewer));
    expect(keyOf(viewer, EVENTS, { id: '1' }, 'Other')).not.toBe(keyOf(viewer));
  });

  test('nobody where variables are not JSON', () => {
    expect(keyOf(viewer, EVENTS, { id: '1', file: new Blob(['a']) })).toBeUndefined();
  });

  test('only the same credential where the document leads to what may depend on the person', () => {
    expect(keyOf(viewer, CREATOR)).toBe(keyOf(viewer, CREATOR));
    expect(keyOf(other, CREATOR)).not.toBe(keyOf(viewer, CREATOR));
    expect(keyOf({ ...viewer, apiKeyId: newId() }, CREATOR)).not.toBe(keyOf({ ...viewer, apiKeyId: newId() }, CREATOR));
  });
});

test('the policies of what a tenant shares know nobody but the tenant', async () => {
  const { database } = await testDatabase();
  const tables = [
    'conversation_events',
    'messages',
    'message_drafts',
    'tool_executions',
    'conversations',
    'documents',
    'agent_runs',
  ];
  // Each type stands for one of these, or for what is no row.
  expect([...TENANT_TYPES].sort()).toEqual(
    [
      'AgentRun',
      'Conversation',
      'ConversationEvent',
      'Document',
      'Message',
      'MessageDelta',
      'Subscription',
      'ToolExecution',
    ].sort(),
  );
  const { rows } = await database.pool.query<{ tablename: string; qual: string }>(
    "SELECT tablename, qual FROM pg_policies WHERE tablename = ANY ($1) AND cmd IN ('ALL', 'SELECT') AND 'agentbase_app' = ANY (roles)",
    [tables],
  );
  expect(new Set(rows.map(({ tablename }) => tablename))).toEqual(new Set(tables));
  for (const { qual } of rows)
    expect(qual).toMatch(/^\(tenant_id = \( SELECT (app\.)?current_tenant_id\(\) AS current_tenant_id\)\)$/);
});

describe('a shared result', () => {
  const row = { sequence: 1 };
  const result = () => ({ data: { number: 1 } });

  test('is executed and written once for all who ask for the same row', async () => {
    const shared = new SharedResults();
    const readers = [shared.reader('a'), shared.reader('a'), shared.reader('a')];
    const execute = vi.fn(async () => result());
    const results = await Promise.all(readers.map((reader) => reader.get(row, execute)));
    expect(execute).toHaveBeenCalledOnce();
    expect(new Set(results).size).toBe(1);
    expect(textOf(results[0] as object)).toBe('{"data":{"number":1}}');
  });

  test('is not one of another key or of another row', async () => {
    const shared = new SharedResults();
    const execute = vi.fn(async () => result());
    await shared.reader('a').get(row, execute);
    await shared.reader('b').get(row, execute);
    await shared.reader('a').get({ sequence: 1 }, execute);
    expect(execute).toHaveBeenCalledTimes(3);
  });

  test('is never older than the reader', async () => {
    const shared = new SharedResults();
    const [first, second] = [shared.reader('a'), shared.reader('a')];
    const later = { sequence: 2 };
    const execute = vi.fn(async () => result());
    await first.get(row, execute);
    await first.get(later, execute);
    // Whoever has come since sees the world as it is since.
    const third = shared.reader('a');
    await third.get(row, execute);
    expect(execute).toHaveBeenCalledTimes(3);
    await third.get(later, execute);
    expect(execute).toHaveBeenCalledTimes(4);
    // What the third has had executed is new enough for the second.
    await second.get(row, execute);
    await second.get(later, execute);
    expect(execute).toHaveBeenCalledTimes(4);
  });

  test('with errors is everybody’s own', async () => {
    const shared = new SharedResults();
    const readers = [shared.reader('a'), shared.reader('a')];
    const execute = vi.fn(async () => ({ errors: [] }));
    const results = await Promise.all(readers.map((reader) => reader.get(row, execute)));
    expect(execute).toHaveBeenCalledTimes(2);
    expect(results[0]).not.toBe(results[1]);
  });
});
