import { existsSync, openAsBlob, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type EmbeddedPostgres, openEmbedded } from '../postgres/connect.ts';
import { type MigrateOptions, migrate } from './migrate.ts';

/** Made when the packages are installed. Without it everything works, and the first start takes some seconds longer. */
export const TEMPLATE_FILE = fileURLToPath(new URL('../../generated/embedded.tar.gz', import.meta.url));

/** Keeps a new, migrated data folder in one file: a copy of it opens in a second, where making one takes several. */
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

/** Opens the database of a folder, which starts as a copy of the template where there is nothing yet, and migrates it. */
export async function openMigrated(folder: string, options: MigrateOptions): Promise<EmbeddedPostgres> {
  const fresh = folder.startsWith('memory://') || !existsSync(join(folder, 'PG_VERSION'));
  const embedded = await openEmbedded(folder, fresh && existsSync(TEMPLATE_FILE) ? await readTemplate(TEMPLATE_FILE) : undefined);
  await migrate(embedded.pool, options);
  return embedded;
}
