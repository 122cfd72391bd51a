import { describe, expect, test, vi } from 'vitest';
import { findDraft } from '../../../src/modules/conversations/drafts/draft-rows.ts';
import { newId } from '../../../src/platform/lib/ids.ts';
import type { ChangeNotice } from '../../../src/platform/live/topics.ts';
import { runWithContext } from '../../../src/platform/postgres/request-scope.ts';
import { countStatements, HeldNoticeBus, range } from '../../platform/live/live-harness.ts';
import { open } from '../../platform/live/open-subscription.ts';
import { testGraph } from '../../testkit/graph.ts';
import { asViewer, createTenant } from '../../testkit/tenants.ts';
import { createAnswerer, createDraftHarness, nextEvent, placeOf, READS, Transcript } from './draft-harness.ts';

const graph = await testGraph();
const drafts = (tenantId: string) =>
  graph.ownerQuery<{ content: string; run_id: string }>('SELECT content, run_id FROM message_drafts WHERE tenant_id = $1', [
    tenantId,
  ]);

describe('drafts', () => {
  test('delivers deltas and then the message that equals their concatenation', async () => {
    const { answerer, watch, head, close } = await createDraftHarness(graph);
    const of = await answerer.start();
    const before = await head();
    const events = await watch();
    const transcript = new Transcript();
    const draft = answerer.writer.open(of);
    let text = '';
    // The last two are the surrogates of one character.
    for (const token of ['Good', ' 👋🏽 morn', 'ing,\n', '"\\{', 'é', '\ud83d', '\ude00']) {
      draft.append(token);
      text += token;
      const seen = await transcript.until(events, of.messageId, text.replace(/\ud83d$/, ''));
      for (const event of seen)
        expect(event).toMatchObject({ type: 'MESSAGE_DELTA', sequence: before, runId: of.runId, message: null });
    }
    expect(transcript.deltas).toBe(6);
    await answerer.finish(draft, of, text);
    expect(await nextEvent(events)).toMatchObject({
      sequence: before + 1,
      type: 'MESSAGE_APPENDED',
      delta: null,
      message: { uuid: of.messageId, content: text },
    });
    expect(await nextEvent(events)).toMatchObject({ sequence: before + 2, type: 'RUN_CHANGED', runId: of.runId });
    await close();
  });

  test('delivers the whole text to a late reader, after earlier events', async () => {
    const { answerer, append, watch, head, close } = await createDraftHarness(graph);
    const of = await answerer.start();
    const draft = answerer.writer.open(of);
    draft.append('So far, ');
    await draft.flush();
    await append(3);
    const last = await head();
    const events = await watch(4);
    const delivered = [];
    while (delivered.length < last - 4) delivered.push((await nextEvent(events)).sequence);
    expect(delivered).toEqual(range(5, last));
    const soFar = { sequence: last, delta: { messageId: of.messageId, offset: 0, text: 'So far, ' } };
    expect(await nextEvent(events)).toMatchObject(soFar);
    expect(await nextEvent(await watch())).toMatchObject(soFar);
    draft.append('so good');
    expect(await nextEvent(events)).toMatchObject({ delta: { offset: 8, text: 'so good' } });
    await events.return();
    await append(1);
    const again = await watch(last);
    expect(await nextEvent(again)).toMatchObject({ sequence: last + 1, type: 'MESSAGE_APPENDED' });
    expect(await nextEvent(again)).toMatchObject({ sequence: last + 1, delta: { offset: 0, text: 'So far, so good' } });
    await close();
  });

  test('restarts at offset 0 when the model call is repeated', async () => {
    const { answerer, watch, close } = await createDraftHarness(graph);
    const of = await answerer.start();
    const [events, slow] = [await watch(), await watch()];
    const transcript = new Transcript();
    const draft = answerer.writer.open(of);
    draft.append('The first attempt');
    await transcript.until(events, of.messageId, 'The first attempt');
    draft.restart();
    await draft.flush();
    expect(await nextEvent(events)).toMatchObject({ delta: { messageId: of.messageId, offset: 0, text: '' } });
    draft.append('The second attempt, which is longer');
    expect(await nextEvent(events)).toMatchObject({ delta: { offset: 0, text: 'The second attempt, which is longer' } });
    draft.restart();
    draft.append('The third attempt, which is longer still');
    await draft.flush();
    for (const each of [events, slow]) {
      expect(await nextEvent(each)).toMatchObject({ delta: { offset: 0, text: 'The third attempt, which is longer still' } });
    }
    await close();
  });

  test('continues under its message id after a takeover and ignores late writes of the first worker', async () => {
    const { answerer, tenant, transport, watch, close } = await createDraftHarness(graph);
    const of = await answerer.start();
    const events = await watch();
    const transcript = new Transcript();
    const lost = answerer.writer.open(of);
    lost.append('From the first worker');
    await transcript.until(events, of.messageId, 'From the first worker');

    const other = createAnswerer(graph, placeOf(tenant), transport);
    const found = await runWithContext({ tenantId: tenant.id }, () => findDraft(graph.database, of.runId));
    expect(found).toEqual({ messageId: of.messageId, conversationId: of.conversationId });
    const draft = other.writer.open(of);
    expect(await nextEvent(events)).toMatchObject({ delta: { offset: 0, text: '' } });
    lost.append(', which does not know');
    await lost.flush();
    draft.append('From the second');
    await draft.flush();
    lost.restart();
    await lost.discard();
    draft.append(' worker');
    transcript.texts.clear();
    await transcript.until(events, of.messageId, 'From the second worker');
    await other.finish(draft, of, 'From the second worker');
    expect(await nextEvent(events)).toMatchObject({ type: 'MESSAGE_APPENDED' });
    expect((await drafts(tenant.id)).map(({ run_id }) => run_id)).not.toContain(of.runId);
    await other.close();
    await close();
  });

  test('delivers one delta to a reader that paused', async () => {
    const { answerer, watch, close } = await createDraftHarness(graph);
    const of = await answerer.start();
    const [quick, slow] = [await watch(), await watch()];
    const draft = answerer.writer.open(of);
    const transcript = new Transcript();
    let text = '';
    for (const number of range(1, 20)) {
      draft.append(`${number} `);
      text += `${number} `;
      await transcript.until(quick, of.messageId, text);
    }
    expect(transcript.deltas).toBe(20);
    expect(await nextEvent(slow)).toMatchObject({ delta: { offset: 0, text } });
    draft.append('end');
    expect(await nextEvent(slow)).toMatchObject({ delta: { offset: 51, text: 'end' } });
    await close();
  });

  test('is void when its run ends without a message, and new readers do not receive it', async () => {
    const { answerer, watch, append, close } = await createDraftHarness(graph);
    const of = await answerer.start();
    const events = await watch();
    const draft = answerer.writer.open(of);
    draft.append('Never mind');
    expect(await nextEvent(events)).toMatchObject({ delta: { text: 'Never mind' } });
    await draft.discard();
    await append(1);
    expect(await nextEvent(events)).toMatchObject({ type: 'MESSAGE_APPENDED' });
    const newcomer = await watch();
    await append(1);
    expect(await nextEvent(newcomer)).toMatchObject({ type: 'MESSAGE_APPENDED' });
    await close();
  });

  test('does not deliver an abandoned draft', async () => {
    const { answerer, tenant, watch, append, close } = await createDraftHarness(graph);
    const of = await answerer.start();
    const draft = answerer.writer.open(of);
    draft.append('Left behind');
    await draft.close();
    await draft.flush();
    await answerer.transaction(() =>
      answerer.prisma.agentRun.updateMany({ where: { id: of.runId }, data: { status: 'CANCELLED', completedAt: new Date() } }),
    );
    const events = await watch();
    await append(1);
    expect(await nextEvent(events)).toMatchObject({ type: 'MESSAGE_APPENDED' });

    // The next run writes in its place.
    const next = await answerer.start();
    const following = answerer.writer.open(next);
    following.append('The next answer');
    const transcript = new Transcript();
    await transcript.until(events, next.messageId, 'The next answer');
    expect(transcript.texts.size).toBe(1);
    expect(await drafts(tenant.id)).toEqual([{ content: 'The next answer', run_id: next.runId }]);
    await close();
  });
});

describe('order', () => {
  test('delivers earlier events first, even without a notice', async () => {
    const transport = new HeldNoticeBus();
    const { answerer, append, watch, head, close } = await createDraftHarness(graph, { transport });
    const of = await answerer.start();
    const events = await watch();
    const before = await head();
    await append(2);
    const draft = answerer.writer.open(of);
    draft.append('After them');
    await draft.flush();
    const notices = transport.published.filter(({ topic }) => topic === 'draft');
    transport.deliver(...notices);
    const delivered = [await nextEvent(events), await nextEvent(events), await nextEvent(events)];
    expect(delivered.map(({ sequence, type }) => [sequence, type])).toEqual([
      [before + 1, 'MESSAGE_APPENDED'],
      [before + 2, 'MESSAGE_APPENDED'],
      [before + 2, 'MESSAGE_DELTA'],
    ]);
    // A notice without a change delays nothing.
    const next = nextEvent(events);
    draft.append(', and more');
    await draft.flush();
    transport.deliver(
      { ...notices[0], topic: 'conversation', sequence: 1_000_000 } as ChangeNotice,
      ...transport.published.slice(-1),
    );
    expect(await next).toMatchObject({ delta: { offset: 10, text: ', and more' } });
    await close();
  });

  test('delivers no delta after its message, even from a statement with an older snapshot', async () => {
    const gates: PromiseWithResolvers<void>[] = [];
    const database = Object.create(graph.database, {
      query: {
        async value(config: { text: string }) {
          const result = await graph.database.query(config);
          if (READS.test(config.text)) {
            const gate = Promise.withResolvers<void>();
            gates.push(gate);
            await gate.promise;
          }
          return result;
        },
      },
    });
    const { answerer, append, watch, close } = await createDraftHarness(graph, { database });
    const of = await answerer.start();
    const draft = answerer.writer.open(of);
    draft.append('Half an ans');
    await draft.flush();
    const events = await watch();
    await vi.waitFor(() => expect(gates).toHaveLength(1));
    await answerer.finish(draft, of, 'Half an answer');
    expect(await nextEvent(events)).toMatchObject({ type: 'MESSAGE_APPENDED', message: { uuid: of.messageId } });
    expect(await nextEvent(events)).toMatchObject({ type: 'RUN_CHANGED' });
    const next = nextEvent(events);
    gates[0]?.resolve();
    await append(1);
    expect(await next).toMatchObject({ type: 'MESSAGE_APPENDED', message: { content: 'Hello' } });
    for (const gate of gates) gate.resolve();
    await close();
  });

  test('handles concurrent drafts, restarts, takeovers and readers', { timeout: 60_000 }, async () => {
    const room = await createDraftHarness(graph, { batchSize: 3, bufferSize: 6, pollIntervalMs: 20, intervalMs: 2 });
    const { answerer, append, watch, head, close } = room;
    const contents = new Map<string, string>();
    /** Sequence number of the last event, once known. */
    let end = Number.POSITIVE_INFINITY;
    const readers = range(1, 8).map(async (number) => {
      const numbers: number[] = [];
      const messages = new Map<string, string>();
      let deltas = 0;
      for (let patience = number * 5; ; patience = 3 + Math.floor(Math.random() * 40)) {
        const events = await watch(numbers.at(-1) ?? 0);
        const transcript = new Transcript();
        for (const message of messages) transcript.messages.set(...message);
        while (patience-- > 0 && numbers.at(-1) !== end) {
          const event = await nextEvent(events);
          transcript.take(event);
          if (event.message) messages.set(event.message.uuid, event.message.content);
          if (!event.delta) numbers.push(event.sequence);
          else expect(event.sequence).toBe(numbers.at(-1) ?? 0);
        }
        await events.return();
        deltas += transcript.deltas;
        if (numbers.at(-1) === end) return { numbers, messages, deltas };
      }
    });
    const other = createAnswerer(graph, placeOf(room.tenant), room.transport, 2);
    for (const number of range(1, 12)) {
      const of = await answerer.start();
      let draft = answerer.writer.open(of);
      let content = '';
      for (const step of range(1, 40)) {
        content += `${step}.`;
        draft.append(`${step}.`);
        if (step % 10 === 0) await draft.flush();
        if (step === 13 && number % 3 === 0) await append(1);
        if (step === 21 && number % 2 === 0) {
          draft.restart();
          content = '';
        }
        if (step === 31 && number % 4 === 0) {
          draft = other.writer.open(of);
          content = '';
        }
      }
      await draft.flush();
      contents.set(of.messageId, content);
      await answerer.finish(draft, of, content);
    }
    end = (await head()) + 1;
    await append(1);
    for (const { numbers, messages, deltas } of await Promise.all(readers)) {
      expect(numbers).toEqual(range(1, end));
      for (const [id, content] of contents) expect(messages.get(id)).toBe(content);
      expect(deltas).toBeGreaterThan(12);
    }
    await other.close();
    await close();
  });
});

describe('access', () => {
  test('delivers drafts within the tenant only, even after forged notices', async () => {
    const transport = new HeldNoticeBus();
    const mine = await createDraftHarness(graph, { transport });
    const stranger = await createDraftHarness(graph, { transport });
    const watcher = await createTenant(graph, { rows: ['conversations', 'agent_runs'] });
    await expect(mine.watch(undefined, asViewer(watcher))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const [events, theirs] = [await mine.watch(undefined, asViewer(mine.tenant, 'VIEWER')), await stranger.watch()];
    const of = await mine.answerer.start();
    const draft = mine.answerer.writer.open(of);
    draft.append('For us alone');
    await draft.flush();
    for (const notice of transport.published.filter(({ topic }) => topic === 'draft')) {
      transport.deliver(
        notice,
        { ...notice, tenantId: stranger.tenant.id },
        { ...notice, id: stranger.tenant.idOf('conversations') },
      );
      transport.deliver({ ...notice, tenantId: stranger.tenant.id, id: stranger.tenant.idOf('conversations') });
    }
    const transcript = new Transcript();
    await transcript.until(events, of.messageId, 'For us alone');
    await stranger.append(1);
    transport.deliver(...transport.published);
    expect(await nextEvent(theirs)).toMatchObject({ sequence: 5, type: 'MESSAGE_APPENDED', delta: null });
    await mine.close();
    await stranger.close();
  });

  test('ends delivery for a revoked API key', async () => {
    let holds = true;
    const { answerer, viewer, live, watch, close } = await createDraftHarness(graph, {
      revalidate: async () => holds,
      revalidateIntervalMs: 1,
    });
    const of = await answerer.start();
    const events = await watch(undefined, { ...viewer, apiKeyId: newId() });
    const draft = answerer.writer.open(of);
    draft.append('Seen');
    const { sequence } = await nextEvent(events);
    holds = false;
    draft.append(', not seen');
    await draft.flush();
    const result = await events.next();
    expect(result?.errors?.[0]).toMatchObject({ extensions: { code: 'UNAUTHENTICATED', after: sequence } });
    expect(result?.data).toBeNull();
    expect(live.stats()).toEqual({ feeds: 0, subscribers: 0, timers: 0 });
    await close();
  });

  test('does not read or deliver drafts for messageAppended', async () => {
    const { answerer, live, viewer, id, watch, close } = await createDraftHarness(graph);
    const of = await answerer.start();
    const messages = await open(
      graph,
      live,
      viewer,
      'subscription ($id: ID!) { messageAppended(conversationId: $id) { content } }',
      { id },
    );
    const next = messages.next();
    const draft = answerer.writer.open(of);
    const statements = await countStatements(graph, READS, async () => {
      draft.append('To be read');
      await draft.flush();
    });
    expect(statements).toBe(0);
    // A later reader receives the earlier text.
    const events = await watch();
    expect(await nextEvent(events)).toMatchObject({ delta: { offset: 0, text: 'To be read' } });
    await events.return();
    expect(live.stats()).toEqual({ feeds: 1, subscribers: 1, timers: 2 });
    draft.append(' later');
    await draft.flush();
    expect(await nextEvent(await watch())).toMatchObject({ delta: { offset: 0, text: 'To be read later' } });
    await answerer.finish(draft, of, 'The message');
    expect((await next)?.data?.messageAppended).toEqual({ content: 'The message' });
    await close();
  });

  test('rejects writes of a run that is not RUNNING or whose message exists', async () => {
    const { answerer, tenant, close } = await createDraftHarness(graph);
    const of = await answerer.start();
    const finished = answerer.writer.open(of);
    finished.append('Done');
    await answerer.finish(finished, of, 'Done');
    const late = answerer.writer.open(of);
    late.append('Not done');
    await late.flush();
    const queued = answerer.writer.open({ ...of, runId: await tenant.anyId('agent_runs'), messageId: newId() });
    queued.append('Not begun');
    await queued.flush();
    expect(await drafts(tenant.id)).toEqual([]);
    await close();
  });
});
