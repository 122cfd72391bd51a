import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database } from '../../postgres/database.ts';
import { runAs } from '../database-reads.ts';
import type { DraftAnswer, DraftQuestion, DraftSource, KnownDraft } from './draft-source.ts';

const NOTHING: DraftAnswer = { head: 0, draft: undefined };

export interface DraftLoaderOptions<Row> {
  source: DraftSource<Row>;
  database: Database;
  tenantId: string;
}

interface PendingRead extends DraftQuestion {
  answer: PromiseWithResolvers<DraftAnswer>;
}

/**
 * Reads drafts of one tenant. Reads of the same tick share one statement, which is common, since workers publish drafts in batches.
 */
export class DraftLoader<Row> {
  readonly #options: DraftLoaderOptions<Row>;
  #next: PendingRead[] | undefined;

  constructor(options: DraftLoaderOptions<Row>) {
    this.#options = options;
  }

  get source(): DraftSource<Row> {
    return this.#options.source;
  }

  read(id: string, known: KnownDraft | undefined): Promise<DraftAnswer> {
    const answer = Promise.withResolvers<DraftAnswer>();
    if (!this.#next) {
      this.#next = [];
      queueMicrotask(() => void this.#read());
    }
    this.#next.push({ id, known, answer });
    return answer.promise;
  }

  async #read(): Promise<void> {
    const { source, database, tenantId } = this.#options;
    const reads = this.#next ?? [];
    this.#next = undefined;
    try {
      const answers = await runAs({ tenantId }, () => source.read(database, reads));
      for (const { id, answer } of reads) {
        answer.resolve(answers.get(id) ?? NOTHING);
        // Yields to other work of the process, since each read wakes readers.
        await nextTurn();
      }
    } catch (error) {
      for (const { answer } of reads) answer.reject(error);
    }
  }
}
