/**
 * `npm run bench`: the API of Agentbase beside what else could answer the same questions. Prints what it measures and what of it was to
 * be reached, and writes docs/bench.md, docs/bench.json and docs/bench.svg after a whole run. Fails for wrong answers, and where
 * Agentbase takes more statements than it may; not for being slow.
 *
 * - `--quick`: less of everything, and no page, for development. `--rounds`, `--messages` and `--slice` (ms) as well.
 * - `--smoke`: no times at all: answers, statements and round trips, for CI.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runAll, WrongAnswersError } from './api/full-run.ts';
import { headOf, sectionsOf } from './api/report/sections.ts';
import type { Results } from './api/report/results.ts';
import { limitProblems } from './api/report/round-trip-limits.ts';
import { isPostgraphileInstalled, POSTGRAPHILE_FOLDER } from './api/servers/start.ts';
import { smoke } from './api/smoke.ts';
import { targetsOf } from './api/report/targets.ts';
import { sectionText, writePage } from './lib/report.ts';

const docs = (name: string) => fileURLToPath(new URL(`../docs/${name}`, import.meta.url));

const { values: options } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    messages: { type: 'string' },
    slice: { type: 'string' },
  },
});

const began = performance.now();
const seconds = () => `${Math.round((performance.now() - began) / 1000)} s`;

/** What one may not depart from when it goes into the page. */
const WHOLE = { messages: 1_000_000, smallMessages: 10_000, rounds: 6, sliceMs: 2_000 };

function writeDocs(results: Results): void {
  writeFileSync(docs('bench.json'), `${JSON.stringify(results, null, 2)}\n`);
  execFileSync(process.execPath, [`${POSTGRAPHILE_FOLDER}/chart.ts`, docs('bench.json'), docs('bench.svg')]);
  writePage(docs('bench.md'), headOf(results), sectionsOf(results));
}

async function measure(): Promise<string[]> {
  if (!isPostgraphileInstalled()) {
    console.log('PostGraphile is installed, for this bench alone');
    execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: POSTGRAPHILE_FOLDER, stdio: 'inherit' });
  }
  const plan = {
    ...WHOLE,
    messages: Number(options.messages ?? (options.quick ? 100_000 : WHOLE.messages)),
    rounds: Number(options.rounds ?? (options.quick ? 2 : WHOLE.rounds)),
    sliceMs: Number(options.slice ?? (options.quick ? 800 : WHOLE.sliceMs)),
  };
  const isWhole = plan.messages === WHOLE.messages && plan.rounds >= WHOLE.rounds - 1 && plan.sliceMs === WHOLE.sliceMs;
  const results = await runAll({ ...plan, say: (text) => console.log(`${seconds()}: ${text}`) });
  for (const section of sectionsOf(results)) console.log(`\n${sectionText(section)}`);
  for (const { what, bound, measured, reached } of targetsOf(results))
    console.log(`${reached ? 'reached' : 'MISSED '}  ${measured} (${bound})  ${what}`);
  if (isWhole) writeDocs(results);
  return results.statements.agentbase ? limitProblems(results.statements.agentbase) : [];
}

async function run(): Promise<string[]> {
  try {
    return await (options.smoke ? smoke() : measure());
  } catch (error) {
    if (error instanceof WrongAnswersError) return [error.message];
    throw error;
  }
}

const failures = await run();
for (const failure of failures) console.error(`FAIL ${failure}`);
console.log(`${failures.length === 0 ? 'ok' : `${failures.length} failures`}, after ${seconds()}`);
process.exitCode = failures.length === 0 ? 0 : 1;
