import pg from 'pg';
import type { SessionContext } from '../../src/platform/postgres/request-scope.ts';
import { applySettingsSql } from '../../src/platform/postgres/session-settings.ts';
import type { TestDatabase } from './database.ts';

export interface SqlAnswer {
  rows: Record<string, unknown>[];
  /** Rows read or written. */
  count: number;
}

/** One connection inside a transaction that will be rolled back. */
export interface Probe {
  /** A statement as the owner, who bypasses row security. */
  query<Row extends object = Record<string, unknown>>(sql: string, values?: unknown[]): Promise<Row[]>;
  /**
   * A statement as a role with a context. What it did is undone at once, so that the next one finds everything as it was.
   * @param look runs as the owner after a statement that was not refused, to see what it did
   * @returns what it answered, or the database's refusal
   */
  attempt(
    role: string,
    context: SessionContext,
    sql: string,
    values?: unknown[],
    look?: () => Promise<void>,
  ): Promise<SqlAnswer | pg.DatabaseError>;
  /** Undoes what `work` does, and keeps what it returns. */
  undone<T>(work: () => Promise<T>): Promise<T>;
}

/** Runs `work` on the owner's connection, inside a transaction that leaves nothing behind. */
export async function rolledBack<T>(db: Pick<TestDatabase, 'ownerPool'>, work: (probe: Probe) => Promise<T>): Promise<T> {
  const client = await db.ownerPool.connect();
  let failed = true;
  try {
    await client.query('BEGIN');
    const result = await work(probeOf(client));
    await client.query('ROLLBACK');
    failed = false;
    return result;
  } catch (error) {
    // The embedded connection is the only one: it must come back clean.
    await client.query('ROLLBACK');
    failed = false;
    throw error;
  } finally {
    client.release(failed);
  }
}

function probeOf(client: pg.PoolClient): Probe {
  let depth = 0;
  const undone = async <T>(work: () => Promise<T>): Promise<T> => {
    const name = `undone_${++depth}`;
    await client.query(`SAVEPOINT ${name}`);
    try {
      return await work();
    } finally {
      await client.query(`ROLLBACK TO SAVEPOINT ${name}; RELEASE SAVEPOINT ${name}`);
      depth--;
    }
  };
  return {
    undone,
    query: async <Row extends object>(sql: string, values?: unknown[]) => (await client.query<Row>(sql, values)).rows,
    attempt: (role, context, sql, values, look) =>
      undone(async () => {
        await client.query(`SET LOCAL ROLE ${pg.escapeIdentifier(role)}; ${applySettingsSql(context)}`);
        try {
          const { rows, rowCount } = await client.query<Record<string, unknown>>(sql, values);
          if (look) {
            await client.query('RESET ROLE');
            await look();
          }
          return { rows, count: rowCount ?? 0 };
        } catch (error) {
          if (error instanceof pg.DatabaseError) return error;
          throw error;
        }
      }),
  };
}

/**
 * Runs one statement as a named role, inside a transaction of its own that is rolled back.
 * @throws the database's refusal
 */
export function asRole(
  db: Pick<TestDatabase, 'ownerPool'>,
  role: string,
  context: SessionContext,
  sql: string,
  values?: unknown[],
): Promise<SqlAnswer> {
  return rolledBack(db, async (probe) => {
    const answer = await probe.attempt(role, context, sql, values);
    if (answer instanceof pg.DatabaseError) throw answer;
    return answer;
  });
}
