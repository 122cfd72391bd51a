import type pg from 'pg';
import { isConnectionError } from '../errors.ts';
import type { SessionContext } from '../request-scope.ts';
import { beginSql, type Timeouts } from '../session-settings.ts';
import type { PipelineResult } from './pipelined-query.ts';

/**
 * Runs a batch with the public API of pg only: BEGIN with the context, the statements and COMMIT take a round trip each. The fallback when
 * the internals of pg have moved.
 */
export async function runSequentially(
  client: pg.PoolClient,
  context: SessionContext,
  timeouts: Timeouts,
  statements: readonly pg.QueryConfig[],
): Promise<PipelineResult> {
  const results: pg.QueryResult[] = [];
  try {
    await client.query(beginSql(context, timeouts));
    for (const statement of statements) results.push(await client.query(statement));
    await client.query('COMMIT');
    return { error: null, results };
  } catch (error) {
    // The caller discards a lost connection, and the server rolls back its transaction.
    if (!isConnectionError(error)) await client.query('ROLLBACK');
    return { error: error as Error, results };
  }
}
