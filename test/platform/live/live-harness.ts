import { pino } from 'pino';
import { conversationLog } from '../../../src/modules/conversations/events/event-log.ts';
import type { ConversationEventRow } from '../../../src/modules/conversations/events/event-row.ts';
import type { Viewer } from '../../../src/platform/auth/viewer.ts';
import { newId } from '../../../src/platform/lib/ids.ts';
import type { Live, LiveOptions } from '../../../src/platform/live/live.ts';
import { createLive } from '../../../src/platform/live/live-views.ts';
import type { ChangeNotice } from '../../../src/platform/live/topics.ts';
import { createMemoryNoticeBus, type NoticeBus, type NoticeListener } from '../../../src/platform/live/transport/notice-bus.ts';
import { currentScope, runWithContext } from '../../../src/platform/postgres/request-scope.ts';
import type { TestDatabase } from '../../testkit/database.ts';
import { asViewer, contextOf, createConversation, createTenant, type TestTenant } from '../../testkit/tenants.ts';

export const quiet = pino({ level: 'silent' });

/** A notice bus that delivers only what the test delivers. */
export class HeldNoticeBus implements NoticeBus {
  readonly published: ChangeNotice[] = [];
  readonly listeners = new Set<NoticeListener>();
  publish(notice: ChangeNotice): void {
    this.published.push(notice);
  }
  subscribe(listener: NoticeListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
  deliver(...notices: ChangeNotice[]): void {
    for (const notice of notices) for (const listener of this.listeners) listener(notice);
  }
  start(): void {}
  async close(): Promise<void> {}
  healthy(): boolean {
    return true;
  }
}

export interface LiveHarness {
  tenant: TestTenant;
  viewer: Viewer;
  live: Live;
  /** Appends messages in one transaction each, and publishes them. */
  append(count?: number, conversationId?: string): Promise<void>;
  follow(options?: { after?: number; viewer?: Viewer; conversationId?: string; signal?: AbortSignal }): Promise<EventReader>;
  /** Sequence number of the last event. */
  head(): Promise<number>;
}

export type EventReader = AsyncIterableIterator<ConversationEventRow>;

/** A tenant with a conversation and live views. Polls and credential checks run only if the test enables them. */
export async function createLiveHarness(db: TestDatabase, options: Partial<LiveOptions> = {}): Promise<LiveHarness> {
  const tenant = await createTenant(db);
  await createConversation(tenant);
  const live = createLive({
    database: db.database,
    transport: createMemoryNoticeBus(),
    revalidate: async () => true,
    log: quiet,
    pollIntervalMs: 600_000,
    revalidateIntervalMs: 600_000,
    ...options,
  });
  return liveHarnessOf(db, tenant, live);
}

export function liveHarnessOf(db: TestDatabase, tenant: TestTenant, live: Live): LiveHarness {
  const viewer = asViewer(tenant);
  const read = (id: string) => db.prisma.conversation.findUniqueOrThrow({ where: { tenantId_id: { tenantId: tenant.id, id } } });
  return {
    tenant,
    viewer,
    live,
    async append(count = 1, conversationId = tenant.idOf('conversations')) {
      for (let i = 0; i < count; i++) {
        const { lastEventSequence } = await db.database.transactionAs(contextOf(tenant), async () => {
          const data = { tenantId: tenant.id, id: newId(), conversationId, role: 'USER' as const, content: 'Hello' };
          await db.prisma.message.create({ data });
          return read(conversationId);
        });
        live.announce({ topic: 'conversation', tenantId: tenant.id, id: conversationId, sequence: lastEventSequence });
      }
    },
    follow: ({ conversationId = tenant.idOf('conversations'), ...asked } = {}) =>
      live.subscribe(conversationLog, { viewer, dbContext: contextOf(tenant), id: conversationId, ...asked }),
    head: () => runWithContext(contextOf(tenant), async () => (await read(tenant.idOf('conversations'))).lastEventSequence),
  };
}

/** Sequence numbers of the next events. */
export async function take(reader: EventReader, count: number): Promise<number[]> {
  const numbers: number[] = [];
  while (numbers.length < count) {
    const { done, value } = await reader.next();
    if (done) throw new Error(`the stream ended after ${numbers.length} of ${count} events`);
    numbers.push(value.sequence);
  }
  return numbers;
}

export function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}

/** Counts the statements that match while `work` runs. */
export async function countStatements(db: TestDatabase, pattern: RegExp, work: () => Promise<void>): Promise<number> {
  const { onStatement } = db.database;
  let count = 0;
  db.database.onStatement = (text) => {
    if (pattern.test(text)) count++;
    onStatement(text);
  };
  try {
    await work();
  } finally {
    db.database.onStatement = onStatement;
  }
  return count;
}

/** Makes the database of these live views unreachable while the tenant's other clients still reach it. */
export function interruptible(db: TestDatabase, error: () => Error) {
  const state = { away: false };
  const database = Object.create(db.database, {
    query: {
      value: (config: Parameters<typeof db.database.query>[0]) =>
        state.away ? Promise.reject(error()) : db.database.query(config),
    },
  }) as typeof db.database;
  return { state, database };
}

/** Whether code runs without a viewer. */
export function actsAsAnonymous(): boolean {
  const { context, transaction } = currentScope();
  return Object.keys(context).length === 0 && transaction === undefined;
}
