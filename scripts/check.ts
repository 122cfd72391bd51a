/** Runs all static checks of the project. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { buildSchema, type GraphQLSchema, lexicographicSortSchema, printSchema } from 'graphql';
import { domainNameProblems } from './check-domain-names.ts';
import { importProblems } from './check-imports.ts';
import { readSources } from './sources.ts';

function run(title: string, file: string, args: string[]): boolean {
  const { status } = spawnSync(file, args, { stdio: 'inherit' });
  console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${title}`);
  return status === 0;
}

async function check(title: string, problem: () => Promise<string>): Promise<boolean> {
  const found = await problem();
  console.log(`${found === '' ? 'ok  ' : 'FAIL'} ${title}${found && `\n${found}`}`);
  return found === '';
}

async function schemaProblem(): Promise<string> {
  const { schema } = await import('../src/app/schema.ts');
  const print = (one: GraphQLSchema) => printSchema(lexicographicSortSchema(one));
  const committed = buildSchema(readFileSync('schema.graphql', 'utf8'));
  return print(committed) === print(schema) ? '' : 'schema.graphql is not up to date: run npm run schema';
}

async function driftProblem(): Promise<string> {
  const { openEmbedded } = await import('../src/platform/postgres/connect.ts');
  const { migrate } = await import('../src/platform/migrations/migrate.ts');
  const { schemaDrift } = await import('./schema-drift.ts');
  const { install } = await import('../src/modules/index.ts');
  const embedded = await openEmbedded('memory://');
  try {
    await migrate(embedded.pool, { install });
    return await schemaDrift(embedded.pool);
  } finally {
    await embedded.close();
  }
}

/**
 * Prisma merges the findUnique calls of one tick into one statement, even of different requests. src/platform/postgres/prisma.ts separates
 * these batches through internals of Prisma. Modules must not depend on that. findFirst never batches, and loaders batch within a request.
 */
function findUniqueProblem(): string {
  return readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !/^(generated|platform\/postgres)\//.test(file))
    .filter((file) => /\.findUnique(OrThrow)?\(/.test(readFileSync(`src/${file}`, 'utf8')))
    .map((file) => `src/${file} calls findUnique: use findFirst, or a loader`)
    .join('\n');
}

const { modules } = await import('../src/modules/index.ts');
const moduleNames = modules.map(({ name }) => name);
const sources = readSources();
const bin = (name: string) => `node_modules/.bin/${name}`;
const results = [
  run('format and lint', bin('biome'), ['ci', '.']),
  run('types', bin('tsc'), ['--noEmit']),
  await check('imports', async () => importProblems(sources, moduleNames).join('\n')),
  await check('no domain name in the platform', async () => domainNameProblems(sources, moduleNames).join('\n')),
  await check('schema.graphql', schemaProblem),
  await check('findUnique', async () => findUniqueProblem()),
  await check('migrations and Prisma schema agree', driftProblem),
  run('generated docs', process.execPath, ['scripts/docs.ts', '--check']),
];
process.exit(results.every(Boolean) ? 0 : 1);
