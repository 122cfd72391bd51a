import { LRUCache } from 'lru-cache';

/** Whom something is about. What is left out matches everybody. */
export interface Subject {
  tenantId?: string | undefined;
  userId?: string | undefined;
  apiKeyId?: string | undefined;
}

interface Entry<Answer> {
  answer: Promise<Answer>;
  /** Not known before the answer is there. */
  subject: Subject | undefined;
}

function concerns(target: Subject, subject: Subject): boolean {
  return (
    (target.tenantId === undefined || target.tenantId === subject.tenantId) &&
    (target.userId === undefined || target.userId === subject.userId) &&
    (target.apiKeyId === undefined || target.apiKeyId === subject.apiKeyId)
  );
}

/** Answers kept for a short time, asked once however many wait. Refusals and errors are not kept. */
export class LookupCache<Answer> {
  readonly #entries: LRUCache<string, Entry<Answer>>;
  readonly #subjectOf: (answer: Answer) => Subject | undefined;

  /** @param subjectOf whom an answer is about; undefined for an answer that is not worth keeping */
  constructor(ttlMs: number, subjectOf: (answer: Answer) => Subject | undefined) {
    this.#entries = new LRUCache({ max: 10_000, ttl: ttlMs });
    this.#subjectOf = subjectOf;
  }

  getOrLoad(key: string, look: () => Promise<Answer>): Promise<Answer> {
    const known = this.#entries.get(key);
    if (known) return known.answer;
    const entry: Entry<Answer> = { answer: look(), subject: undefined };
    this.#entries.set(key, entry);
    const forget = () => {
      if (this.#entries.peek(key) === entry) this.#entries.delete(key);
    };
    entry.answer.then((answer) => {
      entry.subject = this.#subjectOf(answer);
      if (!entry.subject) forget();
    }, forget);
    return entry.answer;
  }

  /** Forgets what is about the target, and what is still being looked up: it may have been read before the change. */
  evict(target: Subject): void {
    for (const [key, { subject }] of [...this.#entries.entries()]) {
      if (!subject || concerns(target, subject)) this.#entries.delete(key);
    }
  }
}
