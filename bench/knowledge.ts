/**
 * `npm run bench:knowledge [-- --scale 0.1]`: search in 100,000 passages of 521 tenants, on a private PostgreSQL. Prints what it
 * measures, writes it to docs/bench-knowledge.md at full scale, and fails where what is promised of every tenant does not hold.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measureBlocks } from './knowledge/blocks.ts';
import { SETTINGS, startBench } from './knowledge/cluster.ts';
import { makeCorpus } from './knowledge/corpus.ts';
import { measureExactHnswCrossover } from './knowledge/exact-hnsw-crossover.ts';
import { measureIngest } from './knowledge/ingest.ts';
import { type Loaded, load } from './knowledge/load.ts';
import { checkPlans } from './knowledge/plans.ts';
import { measureFilters, measureTenants, type World } from './knowledge/recall.ts';
import { type Section, sectionText, writePage } from './lib/report.ts';

const PAGE = fileURLToPath(new URL('../docs/bench-knowledge.md', import.meta.url));

const { values: options } = parseArgs({ options: { scale: { type: 'string', default: '1' } } });
const scale = Number(options.scale);
if (!(scale >= 0.02 && scale <= 1)) throw new Error('--scale is a number from 0.02 to 1');

/** In this order: what is ingested at the end would be found by the others. */
const measures: ((world: World) => Promise<Section>)[] = [
  measureTenants,
  measureFilters,
  measureBlocks,
  checkPlans,
  measureExactHnswCrossover,
  measureIngest,
];

function headOf({ steps }: Loaded): string {
  const settings = Object.entries(SETTINGS).map(([name, value]) => `\`${name}=${value}\``);
  return `# Search, measured

Written by \`npm run bench:knowledge\`, on 2 cores that do other work as well. Times are of that machine, and what the index of near
neighbours misses is of that build of it; everything else is the same in every run. A private PostgreSQL with ${settings.join(', ')} and no fsync holds one tenant of 50,000 passages, 20 of 2,000 and 500 of 20, in
an invented language whose words follow Zipf's law, embedded by \`local-lexical\`. Half of what the others have are documents of the large
one, word by word. Everything is in memory, and nothing else runs on the server.

They were loaded by COPY, with the two large indexes dropped before and built after:

${steps.map((step) => `- ${step}`).join('\n')}`;
}

const began = performance.now();
const bench = await startBench();
const sections: Section[] = [];
try {
  const corpus = makeCorpus(scale);
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
