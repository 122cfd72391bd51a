import { createHash } from 'node:crypto';
import type { LRUCache } from 'lru-cache';
import pg from 'pg';
import { namedCache } from '../../lib/cache-stats.ts';
import type { ProtocolConnection } from './pg-internals.ts';
import type { Column } from './row-decoder.ts';

/**
 * The most prepared statements of a connection. Sized for 75 tables with 16 texts each. A statement and its plan take tens of KiB in the
 * server process, so all of them take tens of MiB.
 */
const MAX_PREPARED = 75 * 16;
/** The least evicted statements to deallocate at once. It limits the extra round trips. */
const MIN_DEALLOCATED = 32;

export interface PreparedStatement {
  /** Its columns. They do not change during the life of the connection. */
  columns?: readonly Column[];
}

/** The named statements of one connection. Evicts the least recently used. */
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

  /** Returns the statement of a name that the caller is about to send, and marks it as used. */
  use(name: string): PreparedStatement {
    let statement = this.#statements.get(name);
    if (!statement) {
      statement = {};
      // An evicted statement stays prepared until it is deallocated.
      this.#evicted.delete(name);
      this.#statements.set(name, statement);
    }
    return statement;
  }

  /**
   * Returns SQL that deallocates the evicted statements once there are enough of them. Also removes them from the state of pg, which then
   * parses them again. The caller must send the SQL before any other statement of the connection, outside a transaction.
   */
  takeDeallocation(): string | undefined {
    if (this.#evicted.size < MIN_DEALLOCATED) return undefined;
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
 * Sized for 75 tables with 20 texts each: pages at the root and by parent in two orders and two sizes, counts, loaders with a few
 * projections, logs and writers.
 */
const MAX_NAMES = 75 * 20;

/**
 * Names of prepared statements. A name is a hash of the text: an evicted text gets the same name again, and no name ever stands for
 * another text. The cache saves hashing the text each time.
 */
export class StatementNames {
  readonly #names: LRUCache<string, string>;
  readonly #prefix: string;

  /** @param source the origin of the statements, for the metrics and as a prefix of the names */
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
