/**
 * `npm run bench:knowledge [-- --scale 0.1]`: search over 100,000 passages of 521 tenants on a private PostgreSQL. Prints the figures,
 * writes docs/bench-knowledge.md at full scale, and fails if recall, result counts, blocks or query plans miss their bounds.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measureBlocks } from './knowledge/blocks.ts';
import { SETTINGS, startBench } from './knowledge/cluster.ts';
import { createCorpus } from './knowledge/corpus.ts';
import { measureExactHnswCrossover } from './knowledge/exact-hnsw-crossover.ts';
import { measureIngest } from './knowledge/ingest.ts';
import { type Loaded, load } from './knowledge/load.ts';
import { checkPlans } from './knowledge/plans.ts';
import { type LoadedBench, measureFilters, measureTenants } from './knowledge/recall.ts';
import { type Section, sectionText, writePage } from './lib/report.ts';

const PAGE = fileURLToPath(new URL('../docs/bench-knowledge.md', import.meta.url));

const { values: options } = parseArgs({ options: { scale: { type: 'string', default: '1' } } });
const scale = Number(options.scale);
if (!(scale >= 0.02 && scale <= 1)) throw new Error('--scale must be a number from 0.02 to 1');

/** The order matters: the other measurements would find the documents that measureIngest adds. */
const measures: ((loaded: LoadedBench) => Promise<Section>)[] = [
  measureTenants,
  measureFilters,
  measureBlocks,
  checkPlans,
  measureExactHnswCrossover,
  measureIngest,
];

function headOf({ steps }: Loaded): string {
  const settings = Object.entries(SETTINGS).map(([name, value]) => `\`${name}=${value}\``);
  return `# Search benchmark

Written by \`npm run bench:knowledge\` on 2 cores that also run other work. The times depend on the machine, and the recall of the HNSW
index on the build of the index; all other figures are equal in every run. A private PostgreSQL with ${settings.join(', ')} and no fsync holds one tenant of 50,000 passages, 20 of 2,000 and 500 of 20, in
an artificial language whose words follow Zipf's law, embedded by \`local-lexical\`. Half of the documents of the other tenants are
copies of documents of the large tenant. All data is in memory, and the database server has no other load.

COPY loaded the passages; the two large indexes were dropped before and built afterwards:

${steps.map((step) => `- ${step}`).join('\n')}`;
}

const began = performance.now();
const bench = await startBench();
const sections: Section[] = [];
try {
  const corpus = createCorpus(scale);
  const loaded = await load(bench.owner, corpus);
  console.log(`${headOf(loaded)}\n`);
  for (const measure of measures) {
    const section = await measure({ bench, corpus, vectors: loaded.vectors });
    sections.push(section);
    console.log(`${sectionText(section)}\n`);
  }
  if (scale === 1) writePage(PAGE, headOf(loaded), sections);
} finally {
  await bench.stop();
}
const failures = sections.flatMap((section) => section.failures ?? []);
for (const failure of failures) console.error(`FAIL ${failure}`);
console.log(
  `${failures.length === 0 ? 'ok' : `${failures.length} failures`}, after ${Math.round((performance.now() - began) / 1000)} s`,
);
process.exitCode = failures.length === 0 ? 0 : 1;
