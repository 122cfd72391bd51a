import { expect } from 'vitest';
import { encodeGlobalId } from '../../src/graphql/global-id.ts';
import { newId } from '../../src/lib/ids.ts';
import { publishChange } from '../../src/live/change-log.ts';
import type { LiveOptions } from '../../src/live/live.ts';
import { createLive } from '../../src/live/live-views.ts';
import { createMemoryTransport, type WakeUpTransport } from '../../src/live/transports/transport.ts';
import { createDraftWriter, type Draft } from '../../src/modules/conversations/draft-writer.ts';
import { type DraftOf, removeDraft } from '../../src/modules/conversations/drafts.ts';
import { conversationLog } from '../../src/modules/conversations/event-log.ts';
import type { TestDatabase } from '../testkit/database.ts';
import type { Graph } from '../testkit/graph.ts';
import { createConversation, createTenant, type TestTenant } from '../testkit/tenants.ts';
import { benchOf, quiet } from './live-bench.ts';
import { open, type Subscription } from './open-subscription.ts';

/** What the statements that read and poll drafts look like. */
export const READS = /FROM conversations LEFT JOIN message_drafts/;
export const POLLS = /SELECT conversation_id, version FROM message_drafts/;

export const DELTAS = `subscription ($id: ID!, $after: Int) { conversationEvents(conversationId: $id, after: $after) {
  sequence type runId delta { messageId offset text } message { uuid content } } }`;

export interface ToldEvent {
  sequence: number;
  type: string;
  runId: string | null;
  delta: { messageId: string; offset: number; text: string } | null;
  message: { uuid: string; content: string } | null;
}

/** The event that comes next. Throws what a result without one says. */
export async function nextEvent(subscription: Subscription): Promise<ToldEvent> {
  const result = await subscription.next();
  const event = result?.data?.conversationEvents as ToldEvent | undefined;
  if (!event) throw result?.errors?.[0] ?? new Error('the stream ended');
  return event;
}

/** What a client puts together from what it is told. */
export class Transcript {
  readonly texts = new Map<string, string>();
  readonly messages = new Map<string, string>();
  deltas = 0;

  take({ delta, message }: ToldEvent): void {
    if (message) this.messages.set(message.uuid, message.content);
    if (!delta) return;
    expect(this.messages.has(delta.messageId)).toBe(false);
    const text = [...(this.texts.get(delta.messageId) ?? '')];
    expect(delta.offset === 0 || delta.offset === text.length).toBe(true);
    this.texts.set(delta.messageId, text.slice(0, delta.offset).join('') + delta.text);
    this.deltas++;
  }

  /** Reads on until a message is put together as far as this. */
  async until(subscription: Subscription, messageId: string, text: string): Promise<ToldEvent[]> {
    const events: ToldEvent[] = [];
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

/** Another process that answers in the conversations of a tenant. */
export function createAnswerer(db: TestDatabase, tenant: Place, transport: WakeUpTransport, intervalMs = 5) {
  const { database, prisma, close } = db.another();
  const live = createLive({ database, transport, recheck: async () => true, log: quiet });
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
    /** A run that is going on, and what its answer is called. */
    async start(conversationId = tenant.conversationId): Promise<DraftOf> {
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
    /** The answer becomes a message, and the run is over. */
    async finish(draft: Draft, { conversationId, messageId, runId, tenantId }: DraftOf, content: string): Promise<void> {
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

export interface DraftRoomOptions extends Partial<LiveOptions> {
  intervalMs?: number;
}

/** A conversation in which one process answers, and another one that people watch it on. Nothing is polled unless asked for. */
export async function createDraftRoom(graph: Graph, { intervalMs, ...options }: DraftRoomOptions = {}) {
  const tenant = await createTenant(graph, { members: ['VIEWER'], rows: ['agents'] });
  await createConversation(tenant);
  const transport = options.transport ?? createMemoryTransport();
  const live = createLive({
    database: graph.database,
    recheck: async () => true,
    log: quiet,
    pollIntervalMs: 600_000,
    recheckIntervalMs: 600_000,
    ...options,
    transport,
  });
  const bench = benchOf(graph, tenant, live);
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
