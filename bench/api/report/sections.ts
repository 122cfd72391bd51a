import type { Cell, Section } from '../../lib/report.ts';
import { OPERATIONS } from '../cases/operations.ts';
import type { Results } from './results.ts';
import { targetsOf } from './targets.ts';

const number = (value: number | undefined): Cell => value ?? Number.NaN;

export function headOf({ how }: Results): string {
  const settings = Object.entries(how.settings).map(([name, value]) => `\`${name}=${value}\``);
  return `# The API, measured

Written by \`npm run bench\`, on ${how.cores} cores that servers, PostgreSQL and the process that asks share, with Node.js ${how.node} and PostgreSQL 15. All figures are in [bench.json](bench.json).

![Requests a second, as a part of the limit's](bench.svg)

Who is compared, over the same tables, policies, role and login, each a process of its own with ${how.poolSize} connections to PostgreSQL:

- **agentbase**: \`src/main.ts\` as it ships, in production, with an API key and, in a column of its own, with an access token (JWT). Its limits of requests are set high.
- **PostGraphile**: PostGraphile 5 with its Amber preset, \`explain\` and watching off, prepared statements on, the tenant told by \`pgSettings\`. Its lists may be ordered by any column.
- **recipe**: GraphQL Yoga, Pothos and Prisma as documented, with an interactive transaction an operation that says first who acts.
- **limit**: \`node:http\` and one statement an operation, written by hand, in one round trip with who acts. It has no GraphQL: nothing to parse, validate, plan or choose.

All authenticate with the same code, which remembers an answer for three seconds. Agentbase also does on every request what the others do not: limits of depth, price and requests, rights field by field, metrics.

A private PostgreSQL with ${settings.join(', ')} holds ${how.tenants} tenants whose sizes fall as Zipf's law says, and about ${how.messages.toLocaleString('en-US')} messages with their conversations, agents,
people, tool executions, events and audit. Requests choose tenants as often as these are large. ${how.connections} connections ask at a time, each the next question when the last is answered. Every round gives each server a
slice of ${how.sliceMs / 1000} s, in another order each round; figures are medians over ${how.rounds} rounds, ratios medians over the ratios of each round. Before, answers of all servers about some tenants were compared with
what plain SQL says; while it is timed, each answer is looked at for what must be in it; what was appended is counted after.`;
}

function targetSection(results: Results): Section {
  const targets = targetsOf(results);
  const missed = targets.filter(({ reached }) => !reached).length;
  return {
    title: 'What was to be reached',
    text: `${targets.length - missed} of ${targets.length} are reached.`,
    header: ['', 'wanted', 'measured', ''],
    rows: targets.map(({ what, bound, measured, reached }) => [what, bound, measured, reached ? 'reached' : '**missed**']),
  };
}

function mainSections({ main, ratios }: Results): Section[] {
  return OPERATIONS.map(({ name, title }) => ({
    title: `${name}: ${title}`,
    text: `At 16 connections. Processor time is milliseconds a request; “agentbase ×” says how many times the requests of that line Agentbase answers.`,
    header: ['', 'requests/s', 'p50 ms', 'p99 ms', 'CPU server', 'CPU PostgreSQL', 'memory MiB', 'agentbase ×'],
    rows: Object.entries(main[name]).map(([column, figures]) => [
      column,
      figures.rps,
      figures.p50,
      figures.p99,
      figures.serverCpu.toFixed(2),
      figures.postgresCpu.toFixed(2),
      Math.round(figures.memory),
      number(ratios[name][column as keyof (typeof ratios)[typeof name]]),
    ]),
  }));
}

const percent = (part: number) => (Number.isNaN(part) ? '–' : `${(100 * part).toFixed(1)} %`);

function statementSection({ statements }: Results): Section {
  return {
    title: 'Statements and round trips a request',
    text:
      'Counted on the wire between server and PostgreSQL, by a pass that nobody timed, with memory warm. Statements that say who acts, begin or end a transaction are apart: ' +
      'those of Agentbase and the limit ride along with the first statement, in its round trip. “Two rows” are the statements where each list has two rows at most. Prepared is the part of ' +
      'bound statements that had been parsed before, at 16 connections; planned before is the part of all executed statements, those in functions and triggers among them, that PostgreSQL did not plan (`pg_stat_statements`).',
    header: ['', 'round trips', 'statements', 'two rows', 'who acts', 'prepared', 'planned before'],
    rows: OPERATIONS.flatMap(({ name }) =>
      Object.entries(statements).map(([program, figures]) => {
        const { roundTrips, statements: own, statementsFew, framing, preparedHits, planHits } = figures[name];
        return [`${name}, ${program}`, roundTrips, own, statementsFew, framing, percent(preparedHits), percent(planHits)];
      }),
    ),
  };
}

function connectionSection({ connections }: Results): Section {
  const counts = [1, 4, 16, 64];
  return {
    title: 'From 1 to 64 connections',
    text: 'Requests a second, and milliseconds at the median and the 99th percentile.',
    header: ['', ...counts.map((count) => `${count}: requests/s`), ...counts.map((count) => `${count}: p50 / p99 ms`)],
    rows: OPERATIONS.flatMap(({ name }) =>
      Object.entries(connections[name]).map(([column, figures]) => [
        `${name}, ${column}`,
        ...counts.map((count) => Math.round(figures[count]?.rps ?? Number.NaN)),
        ...counts.map((count) => `${figures[count]?.p50.toFixed(1)} / ${figures[count]?.p99.toFixed(1)}`),
      ]),
    ),
  };
}

function growthSection({ growth, how }: Results): Section {
  return {
    title: `From ${how.smallMessages.toLocaleString('en-US')} to ${how.messages.toLocaleString('en-US')} messages`,
    text: 'Agentbase over two databases, in turns, one request at a time. Only the largest tenant is asked for, whose pages are full in both. Nothing is appended before all that reads is measured. The counts of the dashboard count more rows there.',
    header: ['p50 ms', 'small', 'large', 'times'],
    rows: OPERATIONS.map(({ name }) => [name, growth[name].small, growth[name].large, growth[name].ratio]),
  };
}

function priceSection({ price }: Results): Section {
  return {
    title: 'The price of row security and context',
    text:
      "The limit's statements with role, context and row security, against the same with the tenant as a predicate, by a login that row security does not concern and that plans each statement once: one after another on a connection, whose both ends are on one processor, so that time is their work alone, and through the same server, " +
      '16 at a time. The context is a second statement in the same round trip, which weighs most where the first is smallest.',
    header: ['', 'ms with', 'ms without', 'times on a connection', 'times over HTTP'],
    rows: price.map(({ operation, with: secured, without, onConnection, overHttp }) => [
      operation,
      secured.toFixed(3),
      without.toFixed(3),
      onConnection,
      overHttp,
    ]),
  };
}

function embeddedSection({ embedded, how }: Results): Section {
  return {
    title: 'Embedded',
    text: `The same server with PostgreSQL inside its process, and over a real one, with the same ${how.smallMessages.toLocaleString('en-US')} messages, at 16 connections. The embedded one has one connection, and does not wait for a disk.`,
    header: ['requests/s', 'embedded', 'PostgreSQL', 'ratio'],
    rows: OPERATIONS.map(({ name }) => [name, embedded[name].embedded, embedded[name].postgres, embedded[name].ratio]),
  };
}

export function sectionsOf(results: Results): Section[] {
  return [
    targetSection(results),
    ...mainSections(results),
    statementSection(results),
    connectionSection(results),
    growthSection(results),
    priceSection(results),
    embeddedSection(results),
  ];
}
