import type pg from 'pg';
import { vectorText } from '../../src/modules/knowledge/search/search.ts';
import { hashingEmbedder } from '../../src/platform/ai/embedding/hashing-embedder.ts';
import { APPLICATION_ROLE } from '../../src/platform/postgres/session-settings.ts';
import type { Section } from '../lib/report.ts';
import { type BenchTenant, SHARES } from './corpus.ts';
import { embedQuery } from './exact.ts';
import { scopesOf, type Way } from './exact-hnsw-crossover.ts';
import type { World } from './recall.ts';

/** More than the five after which PostgreSQL may take a generic plan for a prepared statement. */
const TIMES = 8;

interface Node {
  'Node Type': string;
  'Index Name'?: string;
  'Relation Name'?: string;
  Plans?: Node[];
}

/** How the passages are reached. A scan of a bitmap is told by the index that made it. */
function scansOf(node: Node): string[] {
  const scans = node.Plans?.flatMap(scansOf) ?? [];
  const index = node['Index Name'];
  if (index?.startsWith('chunks')) return [`${node['Node Type']} ${index}`, ...scans];
  if (node['Relation Name'] === 'chunks' && node['Node Type'] === 'Seq Scan') return ['Seq Scan', ...scans];
  return scans;
}

/** Runs a statement again and again, prepared, and gives the plan that a query inside its function has at the end. */
async function planInside(client: pg.ClientBase, tenantId: string, name: string, text: string, values: unknown[]): Promise<Node> {
  let last: Node | undefined;
  const listen = ({ message }: { message?: string | undefined }) => {
    const json = message?.slice(message.indexOf('{'));
    const plan = json && (JSON.parse(json) as { 'Query Text': string; Plan: Node });
    // The statement that calls the function ends after what is inside of it.
    if (plan && !plan['Query Text'].includes('app.nearest')) last = plan.Plan;
  };
  await client.query('BEGIN');
  client.on('notice', listen);
  try {
    await client.query(`SELECT set_config('role', '${APPLICATION_ROLE}', true), set_config('app.tenant_id', $1, true)`, [
      tenantId,
    ]);
    for (let i = 0; i < TIMES; i++) await client.query({ name, text, values });
  } finally {
    client.off('notice', listen);
    await client.query('ROLLBACK');
  }
  if (!last) throw new Error('no plan was told');
  return last;
}

const MEANT: Record<Way, (scans: string[]) => boolean> = {
  nearest_chunks_by_index: (scans) => scans.includes('Index Scan chunks_embedding_idx'),
  nearest_chunks_exactly: (scans) => scans.length > 0 && !scans.some((scan) => /Seq Scan|chunks_embedding_idx/.test(scan)),
};

/** Whether the two ways of comparing vectors are planned as they are meant, prepared and in scopes of all kinds. */
export async function checkPlans({ bench, corpus }: World): Promise<Section> {
  const tenant = corpus.tenants[0] as BenchTenant;
  const vector = vectorText(await embedQuery(corpus.language.words.slice(300, 306).join(' ')));
  const scopes: [string, string[], string | null][] = scopesOf(tenant).map(([name, collections]) => {
    const passages = collections.flatMap(({ documents }) => documents.flatMap(({ texts }) => texts)).length;
    return [`${name}, ${passages.toLocaleString('en-US')}`, collections.map(({ id }) => id), null];
  });
  for (const [key, share] of Object.entries(SHARES)) {
    scopes.push([`metadata, ${share}%`, tenant.collections.map(({ id }) => id), JSON.stringify({ [key]: true })]);
  }
  const client = await bench.owner.connect();
  const rows: Section['rows'] = [];
  const failures: string[] = [];
  try {
    await client.query("LOAD 'auto_explain'");
    for (const [name, value] of Object.entries({
      'auto_explain.log_min_duration': '0',
      'auto_explain.log_nested_statements': 'on',
      'auto_explain.log_format': 'json',
      'auto_explain.log_level': 'notice',
    })) {
      await client.query('SELECT set_config($1, $2, false)', [name, value]);
    }
    for (const [name, ids, metadata] of scopes) {
      for (const way of ['nearest_chunks_exactly', 'nearest_chunks_by_index'] as Way[]) {
        const text = `SELECT * FROM app.${way}($1, $2, $3, $4, NULL, NULL, NULL, 50)`;
        const scans = scansOf(await planInside(client, tenant.id, way, text, [vector, hashingEmbedder.id, ids, metadata]));
        if (!MEANT[way](scans)) failures.push(`${way} of ${name} is planned as ${scans.join(', ')}`);
        rows.push([name, way, scans.join(', ')]);
      }
    }
  } finally {
    // With its settings.
    client.release(true);
  }
  return {
    title: 'Plans',
    text: `How the passages are reached inside the two functions, at the ${TIMES}th run of a prepared statement.`,
    header: ['scope', 'function', 'scans of chunks'],
    rows,
    failures,
  };
}
