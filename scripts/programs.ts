/** Finds the programs of private services on this machine. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export function findProgram(name: string, folders = programFolders()): string | undefined {
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** Debian installs daemons in sbin folders, which are not on the PATH of every user. */
function programFolders(): string[] {
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...path, '/usr/local/sbin', '/usr/sbin', '/usr/local/bin', '/usr/bin'];
}

/** The folder with `initdb` and `postgres`; of several versions, the one of `pg_config`, otherwise the newest. */
export function postgresFolder(): string | undefined {
  const configured = spawnSync('pg_config', ['--bindir'], { encoding: 'utf8' }).stdout?.trim();
  const candidates = [...(configured ? [configured] : []), ...debianPostgresFolders(), ...programFolders()];
  return candidates.find((folder) => isExecutable(join(folder, 'initdb')) && isExecutable(join(folder, 'postgres')));
}

function debianPostgresFolders(): string[] {
  const root = '/usr/lib/postgresql';
  try {
    const versions = readdirSync(root).map(Number).filter(Number.isInteger);
    return versions.sort((a, b) => b - a).map((version) => join(root, String(version), 'bin'));
  } catch {
    return [];
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
