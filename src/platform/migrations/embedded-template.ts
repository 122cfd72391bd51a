import { closeSync, existsSync, fsyncSync, mkdirSync, openAsBlob, openSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
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

/** Makes the creation or removal of a file in a folder durable. Windows has no such operation. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const opened = openSync(folder, 'r');
  fsyncSync(opened);
  closeSync(opened);
}

/**
 * Creates and migrates a database in an empty folder, as a copy of the template. A process that was killed meanwhile leaves a mark beside the
 * folder, which holds nothing yet and starts again.
 */
async function createMigrated(folder: string, options: MigrateOptions, mark: string | undefined): Promise<EmbeddedPostgres> {
  if (mark) {
    if (existsSync(mark)) rmSync(folder, { recursive: true, force: true });
    mkdirSync(dirname(mark), { recursive: true });
    writeFileSync(mark, '');
    syncFolder(dirname(mark));
  }
  const embedded = await openEmbedded(folder, existsSync(TEMPLATE_FILE) ? await readTemplate(TEMPLATE_FILE) : undefined);
  await migrate(embedded.pool, options);
  if (mark) {
    rmSync(mark);
    // A mark that came back after a power failure would remove the data.
    syncFolder(dirname(mark));
  }
  return embedded;
}

/** Opens and migrates the database in `folder`. */
export async function openMigrated(folder: string, options: MigrateOptions): Promise<EmbeddedPostgres> {
  if (folder.startsWith('memory://')) return createMigrated(folder, options, undefined);
  const mark = `${folder}.unfinished`;
  if (existsSync(mark) || !existsSync(join(folder, 'PG_VERSION'))) return createMigrated(folder, options, mark);
  const embedded = await openEmbedded(folder);
  await migrate(embedded.pool, options);
  return embedded;
}
