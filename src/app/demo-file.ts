import { existsSync, readFileSync } from 'node:fs';
import { replaceFile } from '../platform/lib/watched-file.ts';
import type { DataFolder, DemoAccess } from './data-folder.ts';

/** Stores the credentials, so that later starts print them again. */
export async function writeDemoFile(folder: DataFolder, demo: DemoAccess): Promise<void> {
  folder.demo = demo;
  if (folder.demoFile) await replaceFile(folder.demoFile, JSON.stringify(demo));
}

export function readDemoFile(folder: DataFolder): DemoAccess | undefined {
  if (!folder.demo && folder.demoFile && existsSync(folder.demoFile)) {
    folder.demo = JSON.parse(readFileSync(folder.demoFile, 'utf8')) as DemoAccess;
  }
  return folder.demo;
}
