import type { Database } from '../db/database.ts';
import type { DraftAnswer, DraftQuestion, DraftSource, KnownDraft } from './draft-source.ts';
import { readAs } from './read-as.ts';

const NOTHING: DraftAnswer = { head: 0, draft: undefined };

export interface DraftReadsOptions<Row> {
  source: DraftSource<Row>;
  database: Database;
  tenantId: string;
}

/**
 * Reads drafts of one tenant: those that are asked for in the same moment with one statement. Workers tell of many drafts at once, so
 * most are.
 */
export class DraftReads<Row> {
  readonly #options: DraftReadsOptions<Row>;
  #next: { asked: DraftQuestion[]; answers: Promise<Map<string, DraftAnswer>> } | undefined;

  constructor(options: DraftReadsOptions<Row>) {
    this.#options = options;
  }

  get source(): DraftSource<Row> {
    return this.#options.source;
  }

  async read(id: string, known: KnownDraft | undefined): Promise<DraftAnswer> {
    this.#next ??= this.#begin();
    this.#next.asked.push({ id, known });
    return (await this.#next.answers).get(id) ?? NOTHING;
  }

  #begin() {
    const { source, database, tenantId } = this.#options;
    const asked: DraftQuestion[] = [];
    const answers = Promise.resolve().then(() => {
      this.#next = undefined;
      return readAs({ tenantId }, () => source.read(database, asked));
    });
    return { asked, answers };
  }
}
