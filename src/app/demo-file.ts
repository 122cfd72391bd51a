import { existsSync, readFileSync } from 'node:fs';
import { replaceFile } from '../platform/lib/watched-file.ts';
import type { DataFolder } from './data-folder.ts';

/** The credentials of the demo tenants. */
export interface DemoAccess {
  tenants: { tenant: string; email: string; password: string; apiKey: string }[];
  /** Global id of a conversation of the first tenant. */
  conversationId: string;
}

/** Stores the credentials, so that later starts print them again. */
export async function writeDemoFile({ demoFile }: DataFolder, demo: DemoAccess): Promise<void> {
  if (demoFile) await replaceFile(demoFile, JSON.stringify(demo));
}

export function readDemoFile({ demoFile }: DataFolder): DemoAccess | undefined {
  if (!demoFile || !existsSync(demoFile)) return undefined;
  return JSON.parse(readFileSync(demoFile, 'utf8')) as DemoAccess;
}
