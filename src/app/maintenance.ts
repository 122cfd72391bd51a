import type { Logger } from '../platform/lib/logger.ts';
import type { Database } from '../platform/postgres/database.ts';

const DAY_MS = 86_400_000;

/** Creates the partitions of the coming months and drops those past their retention: at once, then daily. */
export async function startMaintenance(database: Database, log: Logger): Promise<{ stop(): void }> {
  const run = async () => {
    const { rows } = await database.transaction(() =>
      database.query('SELECT partition_name, change FROM app.maintain_partitions()'),
    );
    if (rows.length > 0) log.info({ partitions: rows }, 'partitions changed');
  };
  await run();
  const timer = setInterval(() => {
    run().catch((error: unknown) => log.error({ err: error }, 'partition maintenance failed; next attempt in 24 hours'));
  }, DAY_MS);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
