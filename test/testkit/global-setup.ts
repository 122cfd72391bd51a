import type { TestProject } from 'vitest/node';
import { prepareEmbedded } from './embedded-template.ts';
import { preparePostgres } from './postgres-template.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The template that each worker copies its database from. */
    template: { kind: 'embedded'; dump: string } | { kind: 'postgres'; adminUrl: string; serverUrl: string; database: string };
  }
}

/** Migrates one database, once for the whole run. Every worker starts from a copy of it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const adminUrl = process.env.TEST_DATABASE_URL;
  const { template, remove } = adminUrl ? await preparePostgres(adminUrl) : await prepareEmbedded();
  project.provide('template', template);
  return remove;
}
