import { expect } from 'vitest';
import { type DraftKey, removeDraft } from '../../../src/modules/conversations/drafts/draft-rows.ts';
import { createDraftWriter, type Draft } from '../../../src/modules/conversations/drafts/draft-writer.ts';
import { conversationLog } from '../../../src/modules/conversations/events/event-log.ts';
import { encodeGlobalId } from '../../../src/platform/graphql/kit/global-id.ts';
import { newId } from '../../../src/platform/lib/ids.ts';
import { publishChange } from '../../../src/platform/live/change-log.ts';
import type { LiveOptions } from '../../../src/platform/live/live.ts';
import { createLive } from '../../../src/platform/live/live-views.ts';
import { createMemoryNoticeBus, type NoticeBus } from '../../../src/platform/live/transport/notice-bus.ts';
import { liveHarnessOf, quiet } from '../../platform/live/live-harness.ts';
import { open, type Subscription } from '../../platform/live/open-subscription.ts';
import type { TestDatabase } from '../../testkit/database.ts';
import type { TestGraph } from '../../testkit/graph.ts';
import { createConversation, createTenant, type TestTenant } from '../../testkit/tenants.ts';

/** Patterns of the statements that read and poll drafts. */
export const READS = /FROM conversations LEFT JOIN message_drafts/;
export const POLLS = /SELECT conversation_id, version FROM message_drafts/;

export const DELTAS = `subscription ($id: ID!, $after: Int) { conversationEvents(conversationId: $id, after: $after) {
  sequence type runId delta { messageId offset text } message { uuid content } } }`;

export interface ReceivedEvent {
  sequence: number;
  type: string;
  runId: string | null;
  delta: { messageId: string; offset: number; text: string } | null;
  message: { uuid: string; content: string } | null;
}

/** The next event. Throws the errors of a result without one. */
export async function nextEvent(subscription: Subscription): Promise<ReceivedEvent> {
  const result = await subscription.next();
  const event = result?.data?.conversationEvents as ReceivedEvent | undefined;
  if (!event) throw result?.errors?.[0] ?? new Error('the stream ended');
  return event;
}

/** Messages as a client assembles them from deltas. */
export class Transcript {
  readonly texts = new Map<string, string>();
  readonly messages = new Map<string, string>();
  deltas = 0;

  take({ delta, message }: ReceivedEvent): void {
    if (message) this.messages.set(message.uuid, message.content);
    if (!delta) return;
    expect(this.messages.has(delta.messageId)).toBe(false);
    const text = [...(this.texts.get(delta.messageId) ?? '')];
    expect(delta.offset === 0 || delta.offset === text.length).toBe(true);
    this.texts.set(delta.messageId, text.slice(0, delta.offset).join('') + delta.text);
    this.deltas++;
  }

  /** Reads until a message has this content. */
  async until(subscription: Subscription, messageId: string, text: string): Promise<ReceivedEvent[]> {
    const events: ReceivedEvent[] = [];
    while (this.texts.get(messageId) !== text) {
      const event = await nextEvent(subscription);
      events.push(event);
      this.take(event);
    }
    return events;
  }
}

interface Place {
  id: string;
  agentId: string;
  conversationId: string;
}

export function placeOf({ id, idOf }: TestTenant): Place {
  return { id, agentId: idOf('agents'), conversationId: idOf('conversations') };
}

/** Another process that runs agents in conversations of a tenant. */
export function createAnswerer(db: TestDatabase, tenant: Place, transport: NoticeBus, intervalMs = 5) {
  const { database, prisma, close } = db.another();
  const live = createLive({ database, transport, revalidate: async () => true, log: quiet });
  const writer = createDraftWriter({ database, live, log: quiet, intervalMs });
  const transaction = <T>(work: () => Promise<T>) => database.transactionAs({ tenantId: tenant.id }, work);
  const announce = async (id: string) => {
    const { lastEventSequence } = await prisma.conversation.findFirstOrThrow({ where: { id } });
    publishChange(live, conversationLog, { tenantId: tenant.id, id, sequence: lastEventSequence });
  };
  return {
    live,
    writer,
    transaction,
    prisma,
    database,
    /** A RUNNING run and the id of its message. */
    async start(conversationId = tenant.conversationId): Promise<DraftKey> {
      const of = { tenantId: tenant.id, conversationId, runId: newId(), messageId: newId() };
      await transaction(async () => {
        await prisma.agentRun.create({
          data: { tenantId: tenant.id, id: of.runId, agentId: tenant.agentId, conversationId, trigger: 'MESSAGE' },
        });
        await prisma.agentRun.updateMany({ where: { id: of.runId }, data: { status: 'RUNNING' } });
        await announce(conversationId);
      });
      return of;
    },
    /** Appends the message and ends the run. */
    async finish(draft: Draft, { conversationId, messageId, runId, tenantId }: DraftKey, content: string): Promise<void> {
      await draft.close();
      await transaction(async () => {
        await prisma.message.create({ data: { tenantId, id: messageId, conversationId, role: 'ASSISTANT', content, runId } });
        await removeDraft(database, conversationId);
        await prisma.agentRun.updateMany({ where: { id: runId }, data: { status: 'COMPLETED', completedAt: new Date() } });
        await announce(conversationId);
      });
    },
    async close() {
      await writer.close();
      await close();
    },
  };
}

export interface DraftHarnessOptions extends Partial<LiveOptions> {
  intervalMs?: number;
}

/** A conversation with one process that runs the agent and another one with subscribers. Polls run only if the test enables them. */
export async function createDraftHarness(graph: TestGraph, { intervalMs, ...options }: DraftHarnessOptions = {}) {
  const tenant = await createTenant(graph, { members: ['VIEWER'], rows: ['agents'] });
  await createConversation(tenant);
  const transport = options.transport ?? createMemoryNoticeBus();
  const live = createLive({
    database: graph.database,
    revalidate: async () => true,
    log: quiet,
    pollIntervalMs: 600_000,
    revalidateIntervalMs: 600_000,
    ...options,
    transport,
  });
  const bench = liveHarnessOf(graph, tenant, live);
  const answerer = createAnswerer(graph, placeOf(tenant), transport, intervalMs);
  const id = encodeGlobalId('Conversation', tenant.idOf('conversations'));
  return {
    ...bench,
    answerer,
    transport,
    id,
    watch: (after?: number, viewer = bench.viewer) => open(graph, live, viewer, DELTAS, { id, after }),
    async close() {
      await answerer.close();
      await live.close();
      expect(live.stats()).toEqual({ feeds: 0, subscribers: 0, timers: 0 });
    },
  };
}
