import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { migrationNames, readMigration } from './migration-files.ts';

/** The table of `prisma migrate`: databases that Prisma migrated and the tools of Prisma remain compatible. */
const MIGRATIONS_TABLE = `CREATE TABLE IF NOT EXISTS public._prisma_migrations (
  id varchar(36) PRIMARY KEY,
  checksum varchar(64) NOT NULL,
  finished_at timestamptz,
  migration_name varchar(255) NOT NULL,
  logs text,
  rolled_back_at timestamptz,
  started_at timestamptz NOT NULL DEFAULT now(),
  applied_steps_count integer NOT NULL DEFAULT 0
)`;

/** Returns the names of the applied migrations. Throws if the file of one has changed since: later migrations assume the original. */
async function verifyChecksums(client: pg.ClientBase): Promise<Set<string>> {
  const { rows } = await client.query<{ name: string; checksum: string }>(
    'SELECT migration_name AS name, checksum FROM public._prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
  );
  const names = new Set(migrationNames());
  // A newer version may have applied migrations that this version does not contain.
  const changed = rows.filter(({ name, checksum }) => names.has(name) && readMigration(name).checksum !== checksum);
  if (changed.length > 0) {
    const list = changed.map(({ name }) => name).join(', ');
    throw new Error(`applied migrations were changed: ${list}. Restore their files and put the change in a new migration`);
  }
  return new Set(rows.map(({ name }) => name));
}

async function applyMigration(client: pg.ClientBase, name: string): Promise<void> {
  const { sql, checksum } = readMigration(name);
  const id = randomUUID();
  // Recorded before it starts: if the process dies, the row without `finished_at` remains.
  await client.query('INSERT INTO public._prisma_migrations (id, checksum, migration_name) VALUES ($1, $2, $3)', [
    id,
    checksum,
    name,
  ]);
  try {
    await client.query('BEGIN');
    await client.query(sql);
    await client.query(
      'UPDATE public._prisma_migrations SET finished_at = clock_timestamp(), applied_steps_count = 1 WHERE id = $1',
      [id],
    );
    await client.query('COMMIT');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    // On a lost connection these statements fail too. The original error is the one to report.
    await client.query('ROLLBACK').catch(() => {});
    await client.query('UPDATE public._prisma_migrations SET logs = $2 WHERE id = $1', [id, reason]).catch(() => {});
    throw new Error(`migration ${name} failed: ${reason}`, { cause: error });
  }
}

/**
 * Applies the missing migrations in order, each in its own transaction, and returns their names. A failed migration is recorded with its
 * error; the next call applies it again. The caller holds the migration lock.
 */
export async function applyMigrations(client: pg.ClientBase): Promise<string[]> {
  await client.query(MIGRATIONS_TABLE);
  const applied = await verifyChecksums(client);
  // A migration is one transaction: a failed one has left only its record.
  await client.query('DELETE FROM public._prisma_migrations WHERE finished_at IS NULL AND rolled_back_at IS NULL');
  const missing = migrationNames().filter((name) => !applied.has(name));
  for (const name of missing) await applyMigration(client, name);
  return missing;
}
