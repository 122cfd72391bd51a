import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { DataFolder } from './data-folder.ts';

/** The credentials of the demo tenants. */
export interface DemoAccess {
  tenants: { tenant: string; email: string; password: string; apiKey: string }[];
  /** Global id of a conversation of the first tenant. */
  conversationId: string;
}

/** Stores the credentials, so that later starts print them again. */
export function writeDemoFile({ demoFile }: DataFolder, demo: DemoAccess): void {
  if (demoFile) writeFileSync(demoFile, JSON.stringify(demo), { mode: 0o600 });
}

export function readDemoFile({ demoFile }: DataFolder): DemoAccess | undefined {
  if (!demoFile || !existsSync(demoFile)) return undefined;
  return JSON.parse(readFileSync(demoFile, 'utf8')) as DemoAccess;
}
