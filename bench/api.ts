/**
 * `npm run bench [-- --quick | --smoke] [--rounds 6]`: the API of Agentbase beside what else could answer the same questions.
 */
import { parseArgs } from 'node:util';
import { checkAnswers } from './api/check.ts';
import { startCluster } from './api/cluster.ts';
import { type Figures, figuresOf, interleave } from './api/measure.ts';
import { OPERATIONS } from './api/operations.ts';
import { makeQuestions } from './api/questions.ts';
import { answererOf, contendersOf, enter, fill, startMeter } from './api/run.ts';
import type { Column } from './api/servers.ts';
import { sectionText } from './lib/report.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    messages: { type: 'string' },
  },
});
const rounds = Number(options.rounds ?? (options.quick ? 3 : 6));
const sliceMs = options.quick ? 1_000 : 2_000;
const messages = Number(options.messages ?? (options.quick ? 100_000 : 1_000_000));
const COLUMNS: Column[] = ['agentbase', 'agentbase, JWT', 'PostGraphile', 'recipe', 'limit'];

const cluster = await startCluster();
try {
  const filled = await fill(cluster, 'large', messages);
  const entrants = await enter(cluster, filled, COLUMNS);
  const questions = makeQuestions(filled.world);
  const problems = await checkAnswers(filled.database.owner, entrants.map(answererOf), questions, 6);
  for (const problem of problems) console.error(`WRONG ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
  const meter = startMeter(cluster);
  for (const { name, title } of OPERATIONS) {
    const contenders = contendersOf(entrants, name, questions);
    const slices = await interleave(meter, contenders, { rounds, sliceMs, connections: 16 });
    const figures: Figures[] = slices.map(figuresOf);
    console.log(
      `${sectionText({
        title: `${name}: ${title}`,
        text: '',
        header: ['', 'requests/s', 'p50 ms', 'p99 ms', 'CPU ms server', 'CPU ms PostgreSQL', 'MiB'],
        rows: figures.map((figure, place) => [
          contenders[place]?.name ?? '',
          figure.rps,
          figure.p50,
          figure.p99,
          figure.serverCpu,
          figure.postgresCpu,
          figure.memory,
        ]),
      })}\n`,
    );
  }
} finally {
  await cluster.stop();
}
