import { execute, parse } from 'graphql';
import { expect, test } from 'vitest';
import { schema } from '../../../src/app/schema.ts';
import { eventPayloadCache } from '../../../src/modules/conversations/events/event-payload-cache.ts';
import { Message } from '../../../src/modules/conversations/message.ts';
import { requestContextOf } from '../../../src/platform/auth/viewer.ts';
import type { GraphQLContext } from '../../../src/platform/graphql/context.ts';
import { createLoaders } from '../../../src/platform/graphql/loaders.ts';
import { runWithContext } from '../../../src/platform/postgres/request-scope.ts';
import { testGraph } from '../../testkit/graph.ts';
import { asViewer, contextOf, createConversation, createTenant } from '../../testkit/tenants.ts';

const graph = await testGraph();
const tenant = await createTenant(graph);
const conversation = await createConversation(tenant);
const viewer = asViewer(tenant);
const request = { requestId: 'test', ip: undefined, userAgent: undefined };
const contextOfOperation = (): GraphQLContext => ({
  ...graph.services,
  ...requestContextOf(viewer, request),
  loaders: createLoaders(),
});
const asThem = <T>(work: () => Promise<T>) => runWithContext(requestContextOf(viewer, request).dbContext, work);

async function statementsOf(work: () => Promise<unknown>): Promise<string[]> {
  const statements: string[] = [];
  graph.database.onStatement = (text) => void statements.push(text);
  await asThem(work);
  graph.database.onStatement = () => {};
  return statements;
}

test('resolves the message of an event from the shared cache without a statement', async () => {
  const [messageId] = conversation.messageIds;
  const message = await graph.database.transactionAs(contextOf(tenant), () =>
    graph.prisma.message.findFirstOrThrow({ where: { id: messageId } }),
  );
  eventPayloadCache(graph.database).primeMessage(message);
  const row = {
    tenantId: tenant.id,
    conversationId: conversation.id,
    sequence: 1,
    type: 'MESSAGE_APPENDED',
    payload: { messageId },
    createdAt: new Date(),
  };
  const document = parse(
    'subscription { conversationEvents(conversationId: "x") { message { content } again: message { role } } }',
  );
  const statements = await statementsOf(async () => {
    const result = await execute({ schema, document, contextValue: contextOfOperation(), rootValue: { row } });
    expect(result).toEqual({
      data: { conversationEvents: { message: { content: message.content }, again: { role: message.role } } },
    });
  });
  expect(statements).toEqual([]);
});

test('uses a primed row for every projection and reads it once, on first use', async () => {
  const [messageId, other] = conversation.messageIds;
  const row = await asThem(async () => Message.load(contextOfOperation(), messageId));
  const context = contextOfOperation();
  let reads = 0;
  Message.load.prime(context, messageId, async () => {
    reads++;
    return row;
  });
  expect(reads).toBe(0);
  const primed = await statementsOf(async () => {
    expect(await Message.load(context, messageId)).toBe(row);
    expect(await Message.load(context, messageId, ['content'])).toBe(row);
  });
  expect([reads, primed]).toEqual([1, []]);
  expect(await statementsOf(async () => Message.load(context, other))).toHaveLength(1);
  context.loaders.clear();
  expect(await statementsOf(async () => Message.load(context, messageId))).toHaveLength(1);
});
