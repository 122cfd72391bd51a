import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../../prisma/migrations/', import.meta.url));

/** The names of the migrations of this version, oldest first. */
export function migrationNames(): string[] {
  return readdirSync(MIGRATIONS_FOLDER, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** The SQL of a migration, and its checksum as Prisma computes it. */
export function readMigration(name: string): { sql: string; checksum: string } {
  const sql = readFileSync(join(MIGRATIONS_FOLDER, name, 'migration.sql'), 'utf8');
  return { sql, checksum: createHash('sha256').update(sql).digest('hex') };
}

/** The SQL that reverts a migration. Throws if it has no down.sql. */
export function readDownMigration(name: string): string {
  const file = join(MIGRATIONS_FOLDER, name, 'down.sql');
  if (!existsSync(file)) throw new Error(`migration ${name} has no down.sql and cannot be reverted`);
  return readFileSync(file, 'utf8');
}
