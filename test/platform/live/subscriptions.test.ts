import { describe, expect, test } from 'vitest';
import { permissionsOfScope } from '../../../src/platform/auth/permissions.ts';
import { encodeGlobalId } from '../../../src/platform/graphql/kit/global-id.ts';
import { newId } from '../../../src/platform/lib/ids.ts';
import { createLive } from '../../../src/platform/live/live-views.ts';
import { createMemoryNoticeBus } from '../../../src/platform/live/transport/notice-bus.ts';
import { testGraph } from '../../testkit/graph.ts';
import { asViewer, contextOf, createConversation, createTenant } from '../../testkit/tenants.ts';
import { countStatements, liveHarnessOf, quiet, range } from './live-harness.ts';
import { open } from './open-subscription.ts';

const graph = await testGraph();

async function createRoom(revalidate: () => Promise<boolean> = async () => true) {
  const tenant = await createTenant(graph, { members: ['VIEWER'] });
  await createConversation(tenant);
  const live = createLive({
    database: graph.database,
    transport: createMemoryNoticeBus(),
    revalidate,
    log: quiet,
    revalidateIntervalMs: 20,
  });
  const variables = { id: encodeGlobalId('Conversation', tenant.idOf('conversations')) };
  return { ...liveHarnessOf(graph, tenant, live), variables };
}

const EVENTS = `subscription ($id: ID!, $after: Int) { conversationEvents(conversationId: $id, after: $after) {
  sequence type createdAt conversation { title messageCount }
  message { sequence content parentMessage { content } } toolExecution { toolName message { content } } } }`;
const MESSAGES =
  'subscription ($id: ID!) { messageAppended(conversationId: $id) { sequence content conversation { messageCount } } }';

describe('conversationEvents', () => {
  test('delivers events with their payload in its current state', async () => {
    const { live, tenant, viewer, variables } = await createRoom();
    const events = await open(graph, live, viewer, EVENTS, { ...variables, after: 0 });
    const delivered = [await events.next(), await events.next(), await events.next(), await events.next()];
    const conversation = { title: 'Conversation', messageCount: 2 };
    const createdAt = expect.any(Date);
    expect(delivered.map((result) => result?.data?.conversationEvents)).toEqual([
      { sequence: 1, type: 'CONVERSATION_CREATED', createdAt, conversation, message: null, toolExecution: null },
      {
        sequence: 2,
        type: 'MESSAGE_APPENDED',
        createdAt,
        conversation,
        message: { sequence: 1, content: 'Hello', parentMessage: null },
        toolExecution: null,
      },
      {
        sequence: 3,
        type: 'MESSAGE_APPENDED',
        createdAt,
        conversation,
        message: { sequence: 2, content: 'Good day', parentMessage: { content: 'Hello' } },
        toolExecution: null,
      },
      {
        sequence: 4,
        type: 'TOOL_EXECUTION_RECORDED',
        createdAt,
        conversation,
        message: null,
        toolExecution: { toolName: 'clock', message: { content: 'Good day' } },
      },
    ]);

    for (const title of ['Second', 'Third']) {
      await graph.database.transactionAs(contextOf(tenant), async () => {
        await graph.prisma.conversation.updateMany({ where: { id: tenant.idOf('conversations') }, data: { title } });
      });
      live.announce({ topic: 'conversation', tenantId: tenant.id, id: tenant.idOf('conversations'), sequence: 1_000 });
      expect((await events.next())?.data?.conversationEvents).toMatchObject({
        type: 'CONVERSATION_UPDATED',
        conversation: { title },
      });
    }
    await live.close();
  });

  test('reads the messages of a batch with one statement for all subscribers', async () => {
    const { live, viewer, append, variables } = await createRoom();
    await append(20);
    const source = 'subscription ($id: ID!) { conversationEvents(conversationId: $id, after: 4) { message { sequence } } }';
    const statements = await countStatements(graph, /FROM "messages"/, async () => {
      const all = await Promise.all(range(1, 10).map(() => open(graph, live, viewer, source, variables)));
      for (const sequence of range(3, 22)) {
        for (const result of await Promise.all(all.map((events) => events.next()))) {
          expect(result).toEqual({ data: { conversationEvents: { message: { sequence } } } });
        }
      }
    });
    expect(statements).toBe(1);
    await live.close();
  });

  test('reads messages with their events after a subscriber has selected one', async () => {
    const { live, viewer, append, variables } = await createRoom();
    const source =
      'subscription ($id: ID!) { conversationEvents(conversationId: $id) { sequence message { sequence content } } }';
    const events = await open(graph, live, viewer, source, variables);
    await append(1);
    const delivered = (sequence: number) => ({
      data: { conversationEvents: { sequence, message: { sequence: sequence - 2, content: 'Hello' } } },
    });
    expect(await events.next()).toEqual(delivered(5));
    const statements = await countStatements(graph, /FROM "messages"/, async () => {
      for (const sequence of range(6, 9)) {
        await append(1);
        expect(await events.next()).toEqual(delivered(sequence));
      }
    });
    expect(statements).toBe(0);
    // More messages than one statement prefetches: separate statements read the rest.
    const rest = await countStatements(graph, /FROM "messages"/, async () => {
      await append(40);
      for (const sequence of range(10, 49)) expect(await events.next()).toEqual(delivered(sequence));
    });
    expect(rest).toBeLessThan(40);
    await live.close();
  });

  test('reads no message that no subscriber selects', async () => {
    const { live, viewer, append, variables } = await createRoom();
    await append(3);
    const statements = await countStatements(graph, /FROM "messages"/, async () => {
      const events = await open(
        graph,
        live,
        viewer,
        'subscription ($id: ID!) { conversationEvents(conversationId: $id, after: 0) { sequence } }',
        variables,
      );
      for (const sequence of range(1, 7)) expect(await events.next()).toEqual({ data: { conversationEvents: { sequence } } });
    });
    expect(statements).toBe(0);
    await live.close();
  });

  test('ends with a last item that contains the code and the resume number', async () => {
    let holds = true;
    const { live, viewer, append, variables } = await createRoom(async () => holds);
    const events = await open(graph, live, { ...viewer, apiKeyId: newId() }, EVENTS, variables);
    await append(1);
    expect((await events.next())?.data?.conversationEvents).toMatchObject({ sequence: 5 });
    const last = events.next();
    holds = false;
    const result = await last;
    expect(result?.data).toBeNull();
    expect(result?.errors?.[0]).toMatchObject({
      message: expect.stringContaining('after: 5'),
      path: ['conversationEvents'],
      extensions: { code: 'UNAUTHENTICATED', after: 5 },
    });
    expect(await events.next()).toBeUndefined();
    expect(live.stats()).toEqual({ feeds: 0, subscribers: 0, timers: 0 });
    await live.close();
  });

  test('releases all resources when the reader ends', async () => {
    const { live, viewer, variables } = await createRoom();
    const events = await open(graph, live, viewer, EVENTS, variables);
    const pending = events.next();
    await events.return();
    expect(await pending).toBeUndefined();
    expect(live.stats()).toEqual({ feeds: 0, subscribers: 0, timers: 0 });
    await live.close();
  });
});

describe('messageAppended', () => {
  test('delivers new messages only', async () => {
    const { live, tenant, append, variables } = await createRoom();
    const messages = await open(graph, live, asViewer(tenant, 'VIEWER'), MESSAGES, variables);
    await graph.database.transactionAs(contextOf(tenant), async () => {
      await graph.prisma.conversation.updateMany({ where: { id: tenant.idOf('conversations') }, data: { title: 'Other' } });
    });
    await append(2);
    for (const sequence of [3, 4]) {
      expect((await messages.next())?.data?.messageAppended).toEqual({
        sequence,
        content: 'Hello',
        conversation: { messageCount: expect.any(Number) },
      });
    }
    await live.close();
  });
});

describe('access', () => {
  test.each([
    ['conversationEvents', EVENTS],
    ['messageAppended', MESSAGES],
  ])('%s rejects unauthenticated viewers and viewers without the permission at once', async (_name, source) => {
    const { live, viewer, variables } = await createRoom();
    const stranger = await createTenant(graph, { rows: ['conversations'] });
    await expect(open(graph, live, null, source, variables)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await expect(open(graph, live, asViewer(stranger), source, variables)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const narrow = { ...viewer, apiKeyId: newId(), permissions: new Set(permissionsOfScope('agents:read')) };
    await expect(open(graph, live, narrow, source, variables)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const foreign = encodeGlobalId('Agent', newId());
    await expect(open(graph, live, viewer, source, { id: foreign })).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      inputPath: ['conversationId'],
    });
    expect(live.stats()).toEqual({ feeds: 0, subscribers: 0, timers: 0 });
    await live.close();
  });
});
