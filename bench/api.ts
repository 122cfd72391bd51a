/**
 * `npm run bench`: compares the API of Agentbase with other servers over the same database. Prints the figures and the targets. A full
 * run also writes docs/bench.md, docs/bench.json and docs/bench.svg. Fails on a wrong response and where Agentbase exceeds a limit of
 * statements or round trips; a missed target of speed is only reported.
 *
 * - `--quick`: fewer messages and shorter rounds for development; writes no files. Also `--rounds`, `--messages`, `--slice` (ms).
 * - `--smoke`: no timing; checks responses, statements and round trips, for CI.
 */
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { runAll, WrongResponsesError } from './api/full-run.ts';
import { storeResults, writeDocs } from './api/report/docs.ts';
import { limitProblems } from './api/report/round-trip-limits.ts';
import { sectionsOf } from './api/report/sections.ts';
import { targetsOf } from './api/report/targets.ts';
import { isPostgraphileInstalled, POSTGRAPHILE_FOLDER } from './api/servers/start.ts';
import { smoke } from './api/smoke.ts';
import { sectionText } from './lib/report.ts';

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

/** Only a run with these values, or at most one round less, writes the docs. */
const FULL_RUN = { messages: 1_000_000, smallMessages: 10_000, rounds: 6, sliceMs: 2_000 };

async function measure(): Promise<string[]> {
  if (!isPostgraphileInstalled()) {
    console.log('installing PostGraphile for the benchmark');
    execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: POSTGRAPHILE_FOLDER, stdio: 'inherit' });
  }
  const plan = {
    ...FULL_RUN,
    messages: Number(options.messages ?? (options.quick ? 100_000 : FULL_RUN.messages)),
    rounds: Number(options.rounds ?? (options.quick ? 2 : FULL_RUN.rounds)),
    sliceMs: Number(options.slice ?? (options.quick ? 800 : FULL_RUN.sliceMs)),
  };
  const isFull = plan.messages === FULL_RUN.messages && plan.rounds >= FULL_RUN.rounds - 1 && plan.sliceMs === FULL_RUN.sliceMs;
  const results = await runAll({ ...plan, log: (text) => console.log(`${seconds()}: ${text}`) });
  for (const section of sectionsOf(results)) console.log(`\n${sectionText(section)}`);
  for (const { name, bound, measured, reached } of targetsOf(results))
    console.log(`${reached ? 'reached' : 'MISSED '}  ${measured} (${bound})  ${name}`);
  if (isFull) {
    storeResults(results);
    writeDocs(results);
  }
  return results.statements.agentbase ? limitProblems(results.statements.agentbase) : [];
}

async function run(): Promise<string[]> {
  try {
    return await (options.smoke ? smoke() : measure());
  } catch (error) {
    if (error instanceof WrongResponsesError) return [error.message];
    throw error;
  }
}

const failures = await run();
for (const failure of failures) console.error(`FAIL ${failure}`);
console.log(`${failures.length === 0 ? 'ok' : `${failures.length} failures`}, after ${seconds()}`);
process.exitCode = failures.length === 0 ? 0 : 1;
