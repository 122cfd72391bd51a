import { createHash } from 'node:crypto';
import type { LRUCache } from 'lru-cache';
import { namedCache } from '../lib/cache-stats.ts';

/**
 * For twice the tables of today, about 75, with 20 texts each: a page at the root and of many parents in two orders and two sizes, counts,
 * loaders with a few projections, logs and writers.
 */
const MAX_NAMES = 75 * 20;

/**
 * Names that statements are prepared under. A name is a hash of the text, so one that was evicted and comes again is the same name, and
 * none ever stands for another text: connections need not know what is cached here. It saves hashing the text each time.
 */
export class StatementNames {
  readonly #names: LRUCache<string, string>;
  readonly #prefix: string;

  /** @param source who writes the statements, for the metrics and the names */
  constructor(source: 'sql' | 'prisma', max = MAX_NAMES) {
    this.#names = namedCache(`statement_names_${source}`, { max });
    this.#prefix = source.charAt(0);
  }

  nameOf(text: string): string {
    let name = this.#names.get(text);
    if (name === undefined) {
      name = `${this.#prefix}_${createHash('sha1').update(text).digest('base64url')}`;
      this.#names.set(text, name);
    }
    return name;
  }
}
