/**
 * Generates the Prisma client, the Pothos types, the data model, and a migrated embedded database that a first start copies.
 *
 * `prisma generate` requires a native schema engine that it never runs, and downloads a missing one. Any
 * executable that exists satisfies the check, so generation works without a network beyond the package registry.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname } from 'node:path';

const cli = createRequire(import.meta.url).resolve('prisma/build/index.js');
const { status, stdout, stderr } = spawnSync(process.execPath, [cli, 'generate', '--no-hints'], {
  cwd: new URL('..', import.meta.url),
  env: {
    ...process.env,
    // The data model generator is TypeScript and requires this version of Node, which may not be the first on PATH.
    PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}`,
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
  },
  encoding: 'utf8',
});
if (status !== 0) {
  process.stderr.write(`${stdout}${stderr}`);
  process.exit(status ?? 1);
}

// An image build generates from the schema before it copies the sources, and needs no embedded database.
if (existsSync(new URL('../src/platform/migrations/embedded-template.ts', import.meta.url))) {
  const { TEMPLATE_FILE, writeTemplate } = await import('../src/platform/migrations/embedded-template.ts');
  const { install } = await import('../src/modules/index.ts');
  await writeTemplate(TEMPLATE_FILE, { install });
}
