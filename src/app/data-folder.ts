import { randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureFile } from '../platform/lib/watched-file.ts';
import { type FolderLockOptions, lockFolder } from './folder-lock.ts';

/** The credentials of the demo tenants. */
export interface DemoAccess {
  tenants: { tenant: string; email: string; password: string; apiKey: string }[];
  /** Global id of a conversation of the first tenant. */
  conversationId: string;
}

/** The folder of the embedded mode: its database, generated secrets, and the lock of the process that has it open. */
export interface DataFolder {
  database: string;
  keysFile: string | undefined;
  pepper: string;
  demoFile: string | undefined;
  /** The credentials of the demo tenants, once they are created or read. */
  demo?: DemoAccess;
  close(): void;
}

function newSecret(): string {
  return randomBytes(48).toString('base64url');
}

async function generated(file: string): Promise<string> {
  await ensureFile(file, newSecret);
  return readFile(file, 'utf8');
}

/** Opens the folder for this process alone. Throws if another process has it open. */
export async function openDataFolder(folder: string, options: FolderLockOptions): Promise<DataFolder> {
  if (folder.startsWith('memory://')) {
    return { database: folder, keysFile: undefined, pepper: newSecret(), demoFile: undefined, close: () => {} };
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const close = await lockFolder(folder, options);
  try {
    return {
      database: join(folder, 'postgres'),
      keysFile: join(folder, 'keys.json'),
      pepper: await generated(join(folder, 'pepper')),
      demoFile: join(folder, 'demo.json'),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}
