import type { Logger } from '../../../platform/lib/logger.ts';
import type { ChangePublisher } from '../../../platform/live/change-log.ts';
import type { Database } from '../../../platform/postgres/database.ts';
import { conversationDrafts } from './conversation-drafts.ts';
import { type Draft, type DraftSink, StreamingDraft } from './draft.ts';
import { type DraftKey, discardDraft, writeDrafts } from './draft-rows.ts';

export type { Draft } from './draft.ts';

const TENANTS_AT_ONCE = 4;
/** Each open draft makes all of them a little rarer, so that many cost the database and who watches not so many times as much. */
const MS_PER_DRAFT = 1;
const LONGEST_INTERVAL_MS = 100;

export interface DraftWriterOptions {
  database: Database;
  live: ChangePublisher;
  log: Logger;
  /** Least time between two writes of one draft, in milliseconds, when there are few. @default 60 */
  intervalMs?: number;
}

/** Writes the answers of this process while they come from their models. */
export interface DraftWriter {
  /** Begins a text at nothing. Takes over what another worker has written of the same message. */
  open(of: DraftKey): Draft;
  /** Writes nothing more, and waits for what is on its way. */
  close(): Promise<void>;
}

interface Batch {
  tenantId: string;
  drafts: StreamingDraft[];
}

/** One clock for all drafts of the process, and one statement for all of a tenant: tokens cost nothing until it ticks. */
class BatchingDraftWriter implements DraftWriter, DraftSink {
  readonly #options: Required<DraftWriterOptions>;
  readonly #open = new Set<StreamingDraft>();
  /** What there is to write, by tenant. */
  readonly #changed = new Map<string, Set<StreamingDraft>>();
  /** Tenants whose drafts are being written, or are next. */
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
    this.#forget(draft);
  }

  async remove(of: DraftKey, version: number | undefined): Promise<void> {
    const { database, live, log } = this.#options;
    try {
      await database.transactionAs({ tenantId: of.tenantId }, () => discardDraft(database, of, version));
      // Any version but the last one that was told: whoever hears it finds no draft.
      live.announce({
        topic: conversationDrafts.topic,
        tenantId: of.tenantId,
        id: of.conversationId,
        sequence: (version ?? 0) + 1,
      });
    } catch (err) {
      // Nobody is shown the text of a run that has ended, and the next one removes it.
      log.warn({ err, runId: of.runId }, 'the text of an answer that was given up could not be removed');
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#queue.length = 0;
    await Promise.all([...[...this.#open].map((draft) => draft.close()), ...this.#running]);
  }

  #forget(draft: StreamingDraft): void {
    const { tenantId } = draft.of;
    const ofTenant = this.#changed.get(tenantId);
    ofTenant?.delete(draft);
    if (ofTenant?.size === 0) this.#changed.delete(tenantId);
  }

  #schedule(): void {
    if (this.#closed || this.#changed.size === 0) return;
    const { intervalMs } = this.#options;
    const interval = Math.max(intervalMs, Math.min(intervalMs + this.#open.size * MS_PER_DRAFT, LONGEST_INTERVAL_MS));
    const pause = Math.max(0, this.#tickedAt + interval - performance.now());
    this.#timer ??= setTimeout(() => this.#tick(), pause).unref();
  }

  #tick(): void {
    this.#timer = undefined;
    this.#tickedAt = performance.now();
    for (const [tenantId, changed] of this.#changed) {
      // Where the last write still goes on, text waits for the next tick.
      if (this.#busy.has(tenantId)) continue;
      const drafts = [...changed].filter(({ dueAt }) => dueAt <= this.#tickedAt);
      if (drafts.length === 0) continue;
      for (const draft of drafts) this.#forget(draft);
      this.#busy.add(tenantId);
      this.#queue.push({ tenantId, drafts });
    }
    this.#work();
    this.#schedule();
  }

  #work(): void {
    while (this.#running.size < TENANTS_AT_ONCE) {
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
      .filter(({ over }) => !over)
      .map((draft) => draft.write(performance.now(), outcomeOf(draft.of.messageId)));
    if (writes.length === 0) return;
    try {
      const versions = await writeDrafts(database, tenantId, writes);
      if (this.#failing) log.info('the text of running answers is written again');
      this.#failing = false;
      result.resolve(versions);
      for (const { of } of writes) {
        const sequence = versions.get(of.messageId);
        if (sequence !== undefined) live.announce({ topic: conversationDrafts.topic, tenantId, id: of.conversationId, sequence });
      }
    } catch (err) {
      if (!this.#failing) log.warn({ err }, 'the text of running answers cannot be written; it is tried again');
      this.#failing = true;
      result.reject(err);
    }
  }
}

export function createDraftWriter(options: DraftWriterOptions): DraftWriter {
  return new BatchingDraftWriter(options);
}
