import type pg from 'pg';
import { APPLICATION_ROLE } from '../../src/platform/postgres/session-settings.ts';
import type { Section } from '../lib/report.ts';
import type { BenchTenant, Group } from './corpus.ts';
import type { LoadedBench } from './recall.ts';

const MAX_RATIO = 2;
const DEPTH = 50;

/** Queries by the frequency of their words: the first words of the language occur in most passages, the last in very few. */
function wordQueries({ corpus: { language } }: LoadedBench): [string, string][] {
  const word = (rank: number) => language.words[Math.min(rank, language.words.length - 1)] as string;
  return [
    ['rare word', word(7900)],
    ['middle word', word(500)],
    ['common word', word(0)],
    ['three rare', [word(7000), word(7300), word(7600)].join(' ')],
    ['three middle', [word(400), word(600), word(800)].join(' ')],
    ['three common', [word(0), word(1), word(2)].join(' ')],
    ['common and rare', [word(1), word(7500)].join(' ')],
  ];
}

interface Plan {
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
}

interface Explained {
  Plan: Plan;
  Planning?: Plan;
}

const blocks = (plan: Plan | undefined) => (plan ? plan['Shared Hit Blocks'] + plan['Shared Read Blocks'] : 0);

/** Shared blocks of a statement, planning included, because the work of a function contains both. */
async function blocksOf(client: pg.ClientBase, text: string, values: unknown[]): Promise<number> {
  const { rows } = await client.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`, values);
  const [explained] = rows[0]['QUERY PLAN'] as Explained[];
  return blocks(explained?.Plan) + blocks(explained?.Planning);
}

const MATCH = `SELECT * FROM app.match_chunks('english', $1, $2, NULL, NULL, NULL, NULL, ${DEPTH})`;

/** The two steps of app.match_chunks without function and role, with a tenant predicate. */
const stepOf = (score: string, matches: string) => `SELECT m.id AS chunk_id, ${score} AS score FROM (
    SELECT c.id, c.search FROM chunks c WHERE c.tenant_id = $2 AND ${matches} AND c.collection_id = ANY ($3) LIMIT 20000) m
  ORDER BY 2 DESC, 1 LIMIT $4`;
const ALL_OF = stepOf('0.5 + ts_rank_cd(m.search, $1::tsquery, 32)::float8 / 2', 'c.search @@ $1::tsquery');
const SOME_OF = stepOf(
  'ts_rank_cd(m.search, $1::tsquery, 32)::float8 / 2',
  'c.search @@ $1::tsquery AND NOT c.search @@ $5::tsquery',
);

interface Counted {
  blocks: number;
  ids: string[];
}

async function countUnderRls(client: pg.ClientBase, tenant: BenchTenant, query: string): Promise<Counted> {
  await client.query('BEGIN');
  try {
    await client.query(`SELECT set_config('role', '${APPLICATION_ROLE}', true), set_config('app.tenant_id', $1, true)`, [
      tenant.id,
    ]);
    const values = [query, tenant.collections.map(({ id }) => id)];
    const { rows } = await client.query(MATCH, values);
    return { blocks: await blocksOf(client, MATCH, values), ids: rows.map(({ chunk_id }) => chunk_id) };
  } finally {
    await client.query('ROLLBACK');
  }
}

async function countAsOwner(client: pg.ClientBase, tenant: BenchTenant, query: string): Promise<Counted> {
  const { rows: parsed } = await client.query("SELECT websearch_to_tsquery('english', $1)::text AS all_of", [query]);
  const allOf = parsed[0].all_of as string;
  const someOf = allOf.replaceAll(' & ', ' | ');
  const collections = tenant.collections.map(({ id }) => id);
  const first = [allOf, tenant.id, collections, DEPTH];
  const all = (await client.query(ALL_OF, first)).rows.map(({ chunk_id }) => chunk_id);
  const counted: Counted = { blocks: await blocksOf(client, ALL_OF, first), ids: all };
  if (all.length < DEPTH && someOf !== allOf) {
    const second = [someOf, tenant.id, collections, DEPTH - all.length, allOf];
    counted.ids.push(...(await client.query(SOME_OF, second)).rows.map(({ chunk_id }) => chunk_id));
    counted.blocks += await blocksOf(client, SOME_OF, second);
  }
  return counted;
}

/** The overhead of row-level security for keyword search, in blocks, which are reproducible. */
export async function measureBlocks(loaded: LoadedBench): Promise<Section> {
  const client = await loaded.bench.owner.connect();
  const rows: Section['rows'] = [];
  const failures: string[] = [];
  try {
    for (const group of ['large', 'middle', 'small'] as Group[]) {
      const tenant = loaded.corpus.tenants.find((one) => one.group === group) as BenchTenant;
      for (const [name, query] of wordQueries(loaded)) {
        const under = await countUnderRls(client, tenant, query);
        const plain = await countAsOwner(client, tenant, query);
        const ratio = under.blocks / plain.blocks;
        if (ratio > MAX_RATIO)
          failures.push(`${under.blocks} blocks instead of ${plain.blocks} for "${name}" in a ${group} tenant`);
        if (under.ids.join() !== plain.ids.join()) failures.push(`different results for "${name}" in a ${group} tenant`);
        rows.push([`${group}, ${name}`, plain.ids.length, plain.blocks, under.blocks, ratio.toFixed(2)]);
      }
    }
  } finally {
    client.release();
  }
  return {
    title: 'Keyword search under row-level security',
    text: `Blocks of \`app.match_chunks\` as the application role, and of the same query with \`tenant_id = …\` as a superuser, which bypasses row-level security: shared blocks hit and read by the second run, planning included. The ratio must be at most ${MAX_RATIO} and the results equal.`,
    header: ['tenant and query', 'results', 'without', 'with', 'ratio'],
    rows,
    failures,
  };
}
