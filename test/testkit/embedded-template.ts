import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { install } from '../../src/modules/index.ts';
import { writeTemplate } from '../../src/platform/migrations/embedded-template.ts';

/** Creates a migrated data folder in one file, from the current migrations. */
export async function prepareEmbedded() {
  const folder = mkdtempSync(join(tmpdir(), 'agentbase-test-'));
  const file = join(folder, 'migrated.tar.gz');
  await writeTemplate(file, { install });
  return {
    template: { kind: 'embedded' as const, dump: file },
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  };
}
