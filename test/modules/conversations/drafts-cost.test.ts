import { describe, expect, test } from 'vitest';
import { conversationLog } from '../../../src/modules/conversations/events/event-log.ts';
import { encodeGlobalId } from '../../../src/platform/graphql/kit/global-id.ts';
import { newId } from '../../../src/platform/lib/ids.ts';
import { decodeRows } from '../../../src/platform/postgres/sql.ts';
import { countStatements, HeldNoticeBus, range } from '../../platform/live/live-harness.ts';
import { open } from '../../platform/live/open-subscription.ts';
import { testGraph } from '../../testkit/graph.ts';
import { contextOf } from '../../testkit/tenants.ts';
import { createDraftHarness, DELTAS, nextEvent, POLLS, READS, Transcript } from './draft-harness.ts';

const graph = await testGraph();

describe('statements', () => {
  test('runs one statement per notice for any number of readers', async () => {
    const transport = new HeldNoticeBus();
    const { answerer, watch, close } = await createDraftHarness(graph, { transport });
    const of = await answerer.start();
    const draft = answerer.writer.open(of);
    draft.append('Hello');
    await draft.flush();
    const readers = await Promise.all(range(1, 20).map(() => watch()));
    for (const events of readers) expect((await nextEvent(events)).delta).toMatchObject({ offset: 0, text: 'Hello' });
    const pending = readers.map((events) => nextEvent(events));
    draft.append(' again');
    await draft.flush();
    const [notice] = transport.published.slice(-1);
    if (!notice) throw new Error('no notice');
    const statements = await countStatements(graph, READS, async () => {
      transport.deliver(notice);
      for (const event of await Promise.all(pending)) expect(event.delta).toMatchObject({ offset: 5, text: ' again' });
      transport.deliver(notice, notice, notice);
    });
    expect(statements).toBe(1);
    await close();
  });

  test('reads drafts of a tenant that are published together with one statement', async () => {
    const transport = new HeldNoticeBus();
    const { answerer, tenant, live, viewer, close } = await createDraftHarness(graph, { transport });
    const { id: tenantId } = tenant;
    const agentId = tenant.idOf('agents');
    const begin = async (number: number) => {
      const conversationId = newId();
      await answerer.transaction(() => answerer.prisma.conversation.create({ data: { tenantId, id: conversationId, agentId } }));
      const draft = answerer.writer.open(await answerer.start(conversationId));
      draft.append('Well. ');
      await draft.flush();
      const events = await open(graph, live, viewer, DELTAS, { id: encodeGlobalId('Conversation', conversationId) });
      expect((await nextEvent(events)).delta).toMatchObject({ offset: 0, text: 'Well. ' });
      return { draft, events, pending: nextEvent(events), text: `Answer ${number}` };
    };
    const writing = await Promise.all(range(1, 5).map(begin));
    for (const { draft, text } of writing) draft.append(text);
    await Promise.all(writing.map(({ draft }) => draft.flush()));
    const statements = await countStatements(graph, READS, async () => {
      transport.deliver(...transport.published.filter(({ topic }) => topic === 'draft'));
      for (const { pending, text } of writing) expect((await pending).delta).toMatchObject({ offset: 6, text });
    });
    expect(statements).toBe(1);
    for (const { events } of writing) await events.return();
    await close();
  });

  test('reads only new text', async () => {
    const texts: number[] = [];
    const database = Object.create(graph.database, {
      query: {
        async value(config: { text: string }) {
          const result = await graph.database.query(config);
          if (READS.test(config.text)) texts.push(decodeRows<{ text: string | null }>(result)[0]?.text?.length ?? 0);
          return result;
        },
      },
    });
    const { answerer, watch, close } = await createDraftHarness(graph, { database });
    const of = await answerer.start();
    const events = await watch();
    const draft = answerer.writer.open(of);
    const transcript = new Transcript();
    let text = '';
    for (const number of range(1, 10)) {
      const piece = `${number} ${'😀'.repeat(500)}`;
      draft.append(piece);
      text += piece;
      await transcript.until(events, of.messageId, text);
    }
    expect(texts.reduce((sum, length) => sum + length, 0)).toBe(text.length);
    await close();
  });

  test('runs no statement without readers', async () => {
    const transport = new HeldNoticeBus();
    const { answerer, live, watch, close } = await createDraftHarness(graph, { transport, pollIntervalMs: 5 });
    const of = await answerer.start();
    const draft = answerer.writer.open(of);
    const events = await watch();
    draft.append('Hello');
    expect(await nextEvent(events)).toMatchObject({ delta: { text: 'Hello' } });
    const pending = events.next();
    await events.return();
    expect(await pending).toBeUndefined();
    expect(live.stats()).toEqual({ feeds: 0, subscribers: 0, timers: 0 });
    const statements = await countStatements(graph, new RegExp(`${READS.source}|${POLLS.source}`), async () => {
      draft.append(', is there anybody?');
      await draft.flush();
      transport.deliver(...transport.published);
      await draft.discard();
    });
    expect(statements).toBe(0);
    await close();
  });

  test('readers at the same position share a row, others receive their own', async () => {
    const room = await createDraftHarness(graph);
    const { answerer, tenant, live, viewer, close } = room;
    const of = await answerer.start();
    const follow = () =>
      live.subscribe(conversationLog, { viewer, dbContext: contextOf(tenant), id: tenant.idOf('conversations'), drafts: true });
    const [one, other] = [await follow(), await follow()];
    const draft = answerer.writer.open(of);
    const both = Promise.all([one.next(), other.next()]);
    draft.append('Once');
    const [delivered, same] = await both;
    expect(delivered.value?.delta?.text).toBe('Once');
    expect(same.value).toBe(delivered.value);
    const late = await (await follow()).next();
    expect(late.value).toBe(delivered.value);
    const more = one.next();
    draft.append(' more');
    expect((await more).value?.delta).toMatchObject({ offset: 4, text: ' more' });
    expect((await (await follow()).next()).value?.delta).toMatchObject({ offset: 0, text: 'Once more' });
    await close();
  });

  test('the poll finds drafts without a notice with one statement for all followed conversations', async () => {
    const transport = new HeldNoticeBus();
    const room = await createDraftHarness(graph, { transport, pollIntervalMs: 40 });
    const { answerer, tenant, live, viewer, close } = room;
    const conversationIds = range(1, 5).map(() => newId());
    await answerer.transaction(async () => {
      for (const id of conversationIds) {
        await answerer.prisma.conversation.create({ data: { tenantId: tenant.id, id, agentId: tenant.idOf('agents') } });
      }
    });
    const runs = await Promise.all(conversationIds.map((id) => answerer.start(id)));
    const readers = await Promise.all(
      conversationIds.map((id) => live.subscribe(conversationLog, { viewer, dbContext: contextOf(tenant), id, drafts: true })),
    );
    const statements = await countStatements(graph, POLLS, async () => {
      const pending = readers.map((reader) => reader.next());
      for (const of of runs) answerer.writer.open(of).append(of.messageId);
      for (const [index, { value }] of (await Promise.all(pending)).entries()) {
        const { messageId } = runs[index] ?? {};
        expect(value).toMatchObject({ type: 'MESSAGE_DELTA', delta: { messageId, offset: 0, text: messageId } });
      }
    });
    expect(statements).toBeGreaterThan(0);
    expect(statements).toBeLessThan(6);
    await close();
  });
});
