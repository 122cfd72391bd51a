import type pg from 'pg';
import { isConnectionError } from '../errors.ts';
import type { SessionContext } from '../request-scope.ts';
import { beginSql, type Timeouts } from '../session-settings.ts';
import type { FlushResult } from './pipelined-query.ts';

/**
 * Does what a flush does with the public interface of pg alone: BEGIN with the context, the statements, COMMIT, a round trip each. The
 * fallback for a pg whose internals have moved.
 */
export async function runSequentially(
  client: pg.PoolClient,
  context: SessionContext,
  timeouts: Timeouts,
  statements: readonly pg.QueryConfig[],
): Promise<FlushResult> {
  const results: pg.QueryResult[] = [];
  try {
    await client.query(beginSql(context, timeouts));
    for (const statement of statements) results.push(await client.query(statement));
    await client.query('COMMIT');
    return { error: null, results };
  } catch (error) {
    // A connection that was lost is thrown away, and its transaction with it.
    if (!isConnectionError(error)) await client.query('ROLLBACK');
    return { error: error as Error, results };
  }
}
