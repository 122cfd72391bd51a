import type { Logger } from '../../../platform/lib/logger.ts';
import type { ChangePublisher } from '../../../platform/live/change-log.ts';
import type { Database } from '../../../platform/postgres/database.ts';
import { conversationDrafts } from './conversation-drafts.ts';
import { type Draft, type DraftSink, StreamingDraft } from './draft.ts';
import { type DraftKey, discardDraft, writeDrafts } from './draft-rows.ts';

export type { Draft } from './draft.ts';

const CONCURRENT_TENANTS = 4;
/** Each open draft lengthens the interval of all drafts, which bounds the load of many drafts on the database and subscribers. */
const MS_PER_DRAFT = 1;
const MAX_INTERVAL_MS = 100;

export interface DraftWriterOptions {
  database: Database;
  live: ChangePublisher;
  log: Logger;
  /** Minimum interval between two writes of one draft, in milliseconds, with few open drafts. @default 60 */
  intervalMs?: number;
}

/** Writes the drafts of this process. */
export interface DraftWriter {
  /** Opens an empty draft. It takes over the draft that another worker wrote for the same message. */
  open(of: DraftKey): Draft;
  /** Stops writing and waits for running writes. */
  close(): Promise<void>;
}

interface Batch {
  tenantId: string;
  drafts: StreamingDraft[];
}

/** One timer for all drafts of the process, and one statement per tenant and tick. A token costs no statement by itself. */
class BatchingDraftWriter implements DraftWriter, DraftSink {
  readonly #options: Required<DraftWriterOptions>;
  readonly #open = new Set<StreamingDraft>();
  /** Drafts with unwritten text, by tenant. */
  readonly #changed = new Map<string, Set<StreamingDraft>>();
  /** Tenants with a running or queued write. */
  readonly #busy = new Set<string>();
  readonly #queue: Batch[] = [];
  readonly #running = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #tickedAt = Number.NEGATIVE_INFINITY;
  #failing = false;
  #closed = false;

  constructor(options: DraftWriterOptions) {
    this.#options = { intervalMs: 60, ...options };
  }

  open(of: DraftKey): Draft {
    const draft = new StreamingDraft(of, this);
    this.#open.add(draft);
    if (this.#closed) void draft.close();
    else this.changed(draft);
    return draft;
  }

  changed(draft: StreamingDraft): void {
    const { tenantId } = draft.of;
    const ofTenant = this.#changed.get(tenantId) ?? new Set();
    this.#changed.set(tenantId, ofTenant.add(draft));
    this.#schedule();
  }

  closed(draft: StreamingDraft): void {
    this.#open.delete(draft);
    this.#removeChanged(draft);
  }

  async remove(of: DraftKey, version: number | undefined): Promise<void> {
    const { database, live, log } = this.#options;
    try {
      await database.transactionAs({ tenantId: of.tenantId }, () => discardDraft(database, of, version));
      // Any version other than the last published one makes readers read again, and find no draft.
      live.announce({
        topic: conversationDrafts.topic,
        tenantId: of.tenantId,
        id: of.conversationId,
        sequence: (version ?? 0) + 1,
      });
    } catch (err) {
      // Readers ignore the draft of a run that has ended, and the next draft of the conversation deletes it.
      log.warn({ err, runId: of.runId }, 'draft deletion failed');
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#queue.length = 0;
    await Promise.all([...[...this.#open].map((draft) => draft.close()), ...this.#running]);
  }

  #removeChanged(draft: StreamingDraft): void {
    const { tenantId } = draft.of;
    const ofTenant = this.#changed.get(tenantId);
    ofTenant?.delete(draft);
    if (ofTenant?.size === 0) this.#changed.delete(tenantId);
  }

  #schedule(): void {
    if (this.#closed || this.#changed.size === 0) return;
    const { intervalMs } = this.#options;
    const interval = Math.max(intervalMs, Math.min(intervalMs + this.#open.size * MS_PER_DRAFT, MAX_INTERVAL_MS));
    const pause = Math.max(0, this.#tickedAt + interval - performance.now());
    this.#timer ??= setTimeout(() => this.#tick(), pause).unref();
  }

  #tick(): void {
    this.#timer = undefined;
    this.#tickedAt = performance.now();
    for (const [tenantId, changed] of this.#changed) {
      // While a write of the tenant is running, its text waits for the next tick.
      if (this.#busy.has(tenantId)) continue;
      const drafts = [...changed].filter(({ dueAt }) => dueAt <= this.#tickedAt);
      if (drafts.length === 0) continue;
      for (const draft of drafts) this.#removeChanged(draft);
      this.#busy.add(tenantId);
      this.#queue.push({ tenantId, drafts });
    }
    this.#work();
    this.#schedule();
  }

  #work(): void {
    while (this.#running.size < CONCURRENT_TENANTS) {
      const batch = this.#queue.shift();
      if (!batch) return;
      const running = this.#write(batch).finally(() => {
        this.#running.delete(running);
        this.#busy.delete(batch.tenantId);
        this.#work();
      });
      this.#running.add(running);
    }
  }

  async #write({ tenantId, drafts }: Batch): Promise<void> {
    const { database, live, log } = this.#options;
    const result = Promise.withResolvers<Map<string, number>>();
    const outcomeOf = async (messageId: string) => (await result.promise).get(messageId) ?? 'gone';
    const writes = drafts
      .filter(({ isClosed }) => !isClosed)
      .map((draft) => draft.write(performance.now(), outcomeOf(draft.of.messageId)));
    if (writes.length === 0) return;
    try {
      const versions = await writeDrafts(database, tenantId, writes);
      if (this.#failing) log.info('draft writes recovered');
      this.#failing = false;
      result.resolve(versions);
      for (const { of } of writes) {
        const sequence = versions.get(of.messageId);
        if (sequence !== undefined) live.announce({ topic: conversationDrafts.topic, tenantId, id: of.conversationId, sequence });
      }
    } catch (err) {
      if (!this.#failing) log.warn({ err }, 'draft write failed; retrying');
      this.#failing = true;
      result.reject(err);
    }
  }
}

export function createDraftWriter(options: DraftWriterOptions): DraftWriter {
  return new BatchingDraftWriter(options);
}
