import type pg from 'pg';
import { vectorText } from '../../src/modules/knowledge/search/search.ts';
import { hashingEmbedder } from '../../src/platform/ai/embedding/hashing-embedder.ts';
import { APPLICATION_ROLE } from '../../src/platform/postgres/session-settings.ts';
import type { Section } from '../lib/report.ts';
import { type BenchTenant, SHARES } from './corpus.ts';
import { embedQuery } from './exact.ts';
import { scopesOf, type VectorFunction } from './exact-hnsw-crossover.ts';
import type { LoadedBench } from './recall.ts';

/** More than five: from then on PostgreSQL may use a generic plan for a prepared statement. */
const EXECUTIONS = 8;

interface Node {
  'Node Type': string;
  'Index Name'?: string;
  'Relation Name'?: string;
  Plans?: Node[];
}

/** The scans that read passages. A bitmap scan is named by its index. */
function scansOf(node: Node): string[] {
  const scans = node.Plans?.flatMap(scansOf) ?? [];
  const index = node['Index Name'];
  if (index?.startsWith('chunks')) return [`${node['Node Type']} ${index}`, ...scans];
  if (node['Relation Name'] === 'chunks' && node['Node Type'] === 'Seq Scan') return ['Seq Scan', ...scans];
  return scans;
}

/** Executes a prepared statement repeatedly. @returns the last plan of the query inside its function */
async function planInside(client: pg.ClientBase, tenantId: string, name: string, text: string, values: unknown[]): Promise<Node> {
  let last: Node | undefined;
  const listen = ({ message }: { message?: string | undefined }) => {
    const json = message?.slice(message.indexOf('{'));
    const plan = json && (JSON.parse(json) as { 'Query Text': string; Plan: Node });
    // The plan of the calling statement is reported too, after the plan of the inner query.
    if (plan && !plan['Query Text'].includes('app.nearest')) last = plan.Plan;
  };
  await client.query('BEGIN');
  client.on('notice', listen);
  try {
    await client.query(`SELECT set_config('role', '${APPLICATION_ROLE}', true), set_config('app.tenant_id', $1, true)`, [
      tenantId,
    ]);
    for (let i = 0; i < EXECUTIONS; i++) await client.query({ name, text, values });
  } finally {
    client.off('notice', listen);
    await client.query('ROLLBACK');
  }
  if (!last) throw new Error('auto_explain reported no plan of the inner query');
  return last;
}

const EXPECTED: Record<VectorFunction, (scans: string[]) => boolean> = {
  nearest_chunks_by_index: (scans) => scans.includes('Index Scan chunks_embedding_idx'),
  nearest_chunks_exactly: (scans) => scans.length > 0 && !scans.some((scan) => /Seq Scan|chunks_embedding_idx/.test(scan)),
};

/** Verifies the plans of the two functions that compare vectors, as prepared statements in various scopes. */
export async function checkPlans({ bench, corpus }: LoadedBench): Promise<Section> {
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
    for (const [scope, ids, metadata] of scopes) {
      for (const name of ['nearest_chunks_exactly', 'nearest_chunks_by_index'] as VectorFunction[]) {
        const text = `SELECT * FROM app.${name}($1, $2, $3, $4, NULL, NULL, NULL, 50)`;
        const scans = scansOf(await planInside(client, tenant.id, name, text, [vector, hashingEmbedder.id, ids, metadata]));
        if (!EXPECTED[name](scans)) failures.push(`${name} of ${scope} has an unexpected plan: ${scans.join(', ')}`);
        rows.push([scope, name, scans.join(', ')]);
      }
    }
  } finally {
    // Closes the connection, because its settings changed.
    client.release(true);
  }
  return {
    title: 'Query plans',
    text: `Scans of \`chunks\` inside the two functions in the ${EXECUTIONS}th execution of a prepared statement.`,
    header: ['scope', 'function', 'scans of chunks'],
    rows,
    failures,
  };
}
