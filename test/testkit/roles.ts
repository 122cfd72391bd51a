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
  /** Executes a statement as the owner, which bypasses row-level security. */
  query<Row extends object = Record<string, unknown>>(sql: string, values?: unknown[]): Promise<Row[]>;
  /**
   * Executes a statement as a role with a context, then rolls it back, so that the next one starts from the same state.
   * @param look runs as the owner after a successful statement, to inspect its effects
   * @returns the result, or the error of the database
   */
  attempt(
    role: string,
    context: SessionContext,
    sql: string,
    values?: unknown[],
    look?: () => Promise<void>,
  ): Promise<SqlAnswer | pg.DatabaseError>;
  /** Rolls back the effects of `work`, and returns its result. */
  undone<T>(work: () => Promise<T>): Promise<T>;
}

/** Runs `work` on the owner's connection, inside a transaction that is rolled back. */
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
    // The embedded connection is the only one: it must be released in its initial state.
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
 * @throws the error of the database
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
