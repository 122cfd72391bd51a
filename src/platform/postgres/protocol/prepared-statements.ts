import { createHash } from 'node:crypto';
import type { LRUCache } from 'lru-cache';
import pg from 'pg';
import { namedCache } from '../../lib/cache-stats.ts';
import type { ProtocolConnection } from './pg-internals.ts';
import type { Column } from './row-decoder.ts';

/**
 * Statements a connection holds prepared: for twice the tables of today, about 75, with 16 texts in use each. Each takes tens of KiB of its
 * server process with its plan, so these take tens of MiB at most.
 */
const MAX_PREPARED = 75 * 16;
/** Evicted statements are deallocated together: a round trip for each would be dearer than to let them be for a while. */
const DEALLOCATED_TOGETHER = 32;

export interface PreparedStatement {
  /** Its columns, which do not change as long as the connection lives. */
  columns?: readonly Column[];
}

/** The named statements of one connection. Those that were not used for longest leave it. */
export class PreparedStatements {
  readonly #connection: ProtocolConnection;
  readonly #evicted = new Set<string>();
  readonly #statements: LRUCache<string, PreparedStatement>;

  constructor(connection: ProtocolConnection, max = MAX_PREPARED) {
    this.#connection = connection;
    this.#statements = namedCache('prepared_statements', {
      max,
      dispose: (_statement, name, reason) => {
        if (reason === 'evict') this.#evicted.add(name);
      },
    });
  }

  /** The statement of that name, which is about to be sent. */
  use(name: string): PreparedStatement {
    let statement = this.#statements.get(name);
    if (!statement) {
      statement = {};
      // One that was evicted and not deallocated yet is still prepared.
      this.#evicted.delete(name);
      this.#statements.set(name, statement);
    }
    return statement;
  }

  /**
   * SQL that deallocates what was evicted, once there is enough of it. pg forgets these statements here, and parses them again when they
   * come again: it has to be sent before any other statement of the connection, outside of a transaction.
   */
  takeDeallocation(): string | undefined {
    if (this.#evicted.size < DEALLOCATED_TOGETHER) return undefined;
    const { parsedStatements } = this.#connection;
    const parsed = [...this.#evicted].filter((name) => parsedStatements[name] !== undefined);
    this.#evicted.clear();
    for (const name of parsed) delete parsedStatements[name];
    return parsed.map((name) => `DEALLOCATE ${pg.escapeIdentifier(name)}`).join('; ') || undefined;
  }
}

const byConnection = new WeakMap<ProtocolConnection, PreparedStatements>();

export function preparedStatementsOf(connection: ProtocolConnection): PreparedStatements {
  let statements = byConnection.get(connection);
  if (!statements) {
    statements = new PreparedStatements(connection);
    byConnection.set(connection, statements);
  }
  return statements;
}

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
