import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The folder of the embedded mode: its database, generated secrets, and the lock of the process that has it open. */
export interface DataFolder {
  database: string;
  keysFile: string | undefined;
  pepper: string;
  demoFile: string | undefined;
  close(): void;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Two processes would corrupt one embedded database. Takes over a lock whose process has ended. */
function lock(folder: string): () => void {
  const file = join(folder, 'lock');
  if (existsSync(file)) {
    const pid = Number(readFileSync(file, 'utf8'));
    if (pid !== process.pid && Number.isInteger(pid) && pid > 0 && isRunning(pid)) {
      throw new Error(`${folder} is open in process ${pid}: stop it, or name another folder in AGENTBASE_DATA_DIR`);
    }
    rmSync(file);
  }
  writeFileSync(file, String(process.pid), { flag: 'wx', mode: 0o600 });
  return () => rmSync(file, { force: true });
}

function generated(file: string): string {
  if (!existsSync(file)) writeFileSync(file, randomBytes(48).toString('base64url'), { flag: 'wx', mode: 0o600 });
  return readFileSync(file, 'utf8');
}

export function openDataFolder(folder: string): DataFolder {
  if (folder.startsWith('memory://')) {
    return {
      database: folder,
      keysFile: undefined,
      pepper: randomBytes(48).toString('base64url'),
      demoFile: undefined,
      close: () => {},
    };
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const close = lock(folder);
  return {
    database: join(folder, 'postgres'),
    keysFile: join(folder, 'keys.json'),
    pepper: generated(join(folder, 'pepper')),
    demoFile: join(folder, 'demo.json'),
    close,
  };
}
