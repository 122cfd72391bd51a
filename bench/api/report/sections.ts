import type { Cell, Section } from '../../lib/report.ts';
import { OPERATIONS } from '../cases/operations.ts';
import type { Column, Program } from '../servers/start.ts';
import type { Results } from './results.ts';
import { targetsOf } from './targets.ts';

const COLUMNS: Record<Program, Column> = {
  agentbase: 'agentbase',
  postgraphile: 'PostGraphile',
  'stock-pothos': 'stock Pothos',
  'hand-written': 'hand-written SQL',
};

const number = (value: number | undefined): Cell => value ?? Number.NaN;

export function headOf({ conditions }: Results): string {
  const settings = Object.entries(conditions.settings).map(([name, value]) => `\`${name}=${value}\``);
  return `# API benchmark

Written by \`npm run bench\` on ${conditions.cores} cores, which the servers, PostgreSQL and the load generator share, with Node.js ${conditions.node} and PostgreSQL 15. All figures are in [bench.json](bench.json).

![Requests per second in percent of hand-written SQL](bench.svg)

The servers use the same tables, policies, role and login. Each is a process with ${conditions.poolSize} connections to PostgreSQL:

- **agentbase**: \`src/main.ts\` in production mode, with an API key and, in a second column, with an access token (JWT). The rate limits are raised.
- **PostGraphile**: PostGraphile 5 with its Amber preset, without \`explain\` and watch mode, with prepared statements; \`pgSettings\` sets the tenant. Its lists can be ordered by any column.
- **stock Pothos**: GraphQL Yoga, Pothos and Prisma as documented, with an interactive transaction per operation that first sets the session context.
- **hand-written SQL**: \`node:http\` and one hand-written statement per operation, in one round trip with the session context. It does not parse, validate or plan GraphQL.

All servers authenticate with the same code, which caches a result for three seconds. Only Agentbase also enforces limits of depth, cost and rate, checks permissions per field and records metrics.

A private PostgreSQL with ${settings.join(', ')} holds ${conditions.tenants} tenants whose sizes follow Zipf's law, and about ${conditions.messages.toLocaleString('en-US')} messages with their conversations, agents,
users, tool executions, events and audit rows. A tenant receives requests in proportion to its size. ${conditions.connections} connections send requests, each the next one after the response to the last. Every round gives each server a
slice of ${conditions.sliceMs / 1000} s, in a different order per round. Figures are medians over ${conditions.rounds} rounds; ratios are medians of the ratios of the rounds. Before the timing, the responses of all servers for a sample of tenants
are compared with the results of plain SQL. During the timing, each response must contain an expected value. Afterwards, the rows that the mutations appended are counted.`;
}

function targetSection(results: Results): Section {
  const targets = targetsOf(results);
  const missed = targets.filter(({ reached }) => !reached).length;
  return {
    title: 'Targets',
    text: `${targets.length - missed} of ${targets.length} reached.`,
    header: ['', 'target', 'measured', ''],
    rows: targets.map(({ name, bound, measured, reached }) => [name, bound, measured, reached ? 'reached' : '**missed**']),
  };
}

function mainSections({ main, ratios }: Results): Section[] {
  return OPERATIONS.map(({ name, title }) => ({
    title: `${name}: ${title}`,
    text: 'At 16 connections. CPU is milliseconds of processor time per request. “agentbase ×” is the throughput of Agentbase divided by that of the row.',
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
    title: 'Statements and round trips per request',
    text:
      'Counted on the wire between server and PostgreSQL in a separate, untimed pass with warm caches. “Context” counts the statements that set the session context or begin and end a transaction; ' +
      'Agentbase and hand-written SQL send them in the round trip of the first statement. “Two rows” is the number of statements when each list has at most two rows. “Prepared” is the share of ' +
      'bound statements that were parsed before, at 16 connections. “Planned” is the share of all executed statements, including those in functions and triggers, that reused a query plan (`pg_stat_statements`).',
    header: ['', 'round trips', 'statements', 'two rows', 'context', 'prepared', 'planned'],
    rows: OPERATIONS.flatMap(({ name }) =>
      Object.entries(statements).map(([program, figures]) => {
        const { roundTrips, statements: own, statementsFew, framing, preparedHits, planHits } = figures[name];
        return [
          `${name}, ${COLUMNS[program as Program]}`,
          roundTrips,
          own,
          statementsFew,
          framing,
          percent(preparedHits),
          percent(planHits),
        ];
      }),
    ),
  };
}

function connectionSection({ connections }: Results): Section {
  const counts = [1, 4, 16, 64];
  return {
    title: 'From 1 to 64 connections',
    text: 'Requests per second, and milliseconds at the median and the 99th percentile.',
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

function scalingSection({ scaling, conditions }: Results): Section {
  return {
    title: `From ${conditions.smallMessages.toLocaleString('en-US')} to ${conditions.messages.toLocaleString('en-US')} messages`,
    text: 'Agentbase over two databases in turns, one request at a time. All requests are of the largest tenant, whose pages are full in both. The reads are measured before the appends. The counts of the dashboard cover more rows in the large database.',
    header: ['p50 ms', 'small', 'large', 'ratio'],
    rows: OPERATIONS.map(({ name }) => [name, scaling[name].small, scaling[name].large, scaling[name].ratio]),
  };
}

function rlsSection({ rlsOverhead }: Results): Section {
  return {
    title: 'Overhead of row-level security and session context',
    text:
      'The hand-written statements with role, session context and row-level security, compared with the same statements with a tenant predicate, by a login that bypasses row-level security and uses generic plans. ' +
      'Measured one after another on a connection, with client and backend on one processor so that the time is their work alone, and over HTTP at 16 connections. ' +
      'The context is a second statement in the same round trip, so its share is largest for the smallest statement.',
    header: ['', 'ms with', 'ms without', 'ratio on a connection', 'ratio over HTTP'],
    rows: rlsOverhead.map(({ operation, with: secured, without, onConnection, overHttp }) => [
      operation,
      secured.toFixed(3),
      without.toFixed(3),
      onConnection,
      overHttp,
    ]),
  };
}

function embeddedSection({ embedded, conditions }: Results): Section {
  return {
    title: 'Embedded mode',
    text: `The same server with PostgreSQL inside its process and with a separate PostgreSQL, over the same ${conditions.smallMessages.toLocaleString('en-US')} messages, at 16 connections. The embedded database has one connection and does not wait for the disk.`,
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
    scalingSection(results),
    rlsSection(results),
    embeddedSection(results),
  ];
}
