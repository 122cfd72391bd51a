import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { writePage } from '../../lib/report.ts';
import { isPostgraphileInstalled, POSTGRAPHILE_FOLDER } from '../servers/start.ts';
import type { Results } from './results.ts';
import { headOf, sectionsOf } from './sections.ts';

const docs = (name: string) => fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url));

export function readResults(): Results {
  return JSON.parse(readFileSync(docs('bench.json'), 'utf8')) as Results;
}

export function storeResults(results: Results): void {
  writeFileSync(docs('bench.json'), `${JSON.stringify(results, null, 2)}\n`);
}

/** Writes the page, and the chart from the stored results where the library that draws it is installed. */
export function writeDocs(results: Results): void {
  if (isPostgraphileInstalled())
    execFileSync(process.execPath, [`${POSTGRAPHILE_FOLDER}/chart.ts`, docs('bench.json'), docs('bench.svg')]);
  writePage(docs('bench.md'), headOf(results), sectionsOf(results));
}
