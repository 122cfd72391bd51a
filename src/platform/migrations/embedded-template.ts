import { existsSync, openAsBlob, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type EmbeddedPostgres, openEmbedded } from '../postgres/connect.ts';
import { type MigrateOptions, migrate } from './migrate.ts';

/** Written when the packages are installed. Optional: without it, the first start takes a few seconds longer. */
export const TEMPLATE_FILE = fileURLToPath(new URL('../../generated/embedded.tar.gz', import.meta.url));

/** Writes a migrated data folder to one file. Opening a copy takes a second, initialising and migrating a folder several. */
export async function writeTemplate(file: string, options: MigrateOptions): Promise<void> {
  const embedded = await openEmbedded('memory://');
  try {
    await migrate(embedded.pool, options);
    writeFileSync(file, await embedded.dump());
  } finally {
    await embedded.close();
  }
}

export async function readTemplate(file: string): Promise<Blob> {
  return openAsBlob(file, { type: 'application/x-gzip' });
}

/** Opens and migrates the database in `folder`. An empty folder starts as a copy of the template. */
export async function openMigrated(folder: string, options: MigrateOptions): Promise<EmbeddedPostgres> {
  const fresh = folder.startsWith('memory://') || !existsSync(join(folder, 'PG_VERSION'));
  const embedded = await openEmbedded(folder, fresh && existsSync(TEMPLATE_FILE) ? await readTemplate(TEMPLATE_FILE) : undefined);
  await migrate(embedded.pool, options);
  return embedded;
}
