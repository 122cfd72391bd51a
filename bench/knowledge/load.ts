import type pg from 'pg';
import { hashingEmbedder } from '../../src/platform/ai/embedding/hashing-embedder.ts';
import { CopyRows, copyFrom, integerField, uuidField, vectorField } from './copy.ts';
import { type BenchTenant, type Corpus, documentsOf, idOf } from './corpus.ts';

/** Passages of one COPY. */
const BATCH = 1000;

const COLUMNS = 'tenant_id, id, collection_id, document_id, position, content, token_count, embedding_model, embedding';

/** By the number of its text. */
export type Vectors = Float32Array[];

export interface Loaded {
  vectors: Vectors;
  /** What was done and how long it took. */
  steps: string[];
}

/**
 * Fills the database as its owner, by COPY, through the triggers that count passages and cut words. The two large indexes are
 * dropped before and built after: row by row they would take many times as long, which is measured apart.
 */
export async function load(owner: pg.Pool, corpus: Corpus): Promise<Loaded> {
  const steps: string[] = [];
  const client = await owner.connect();
  try {
    const { rows: indexes } = await client.query<{ indexname: string; indexdef: string }>(
      "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'chunks' AND (indexdef LIKE '%USING gin%' OR indexdef LIKE '%USING hnsw%')",
    );
    for (const { indexname } of indexes) await client.query(`DROP INDEX ${indexname}`);
    const began = performance.now();
    for (const tenant of corpus.tenants) await insertDocuments(client, tenant);
    const vectors = await copyPassages(client, corpus);
    steps.push(`${vectors.length.toLocaleString('en-US')} different texts embedded, and all passages copied: ${seconds(began)}`);
    for (const { indexdef } of indexes) {
      const building = performance.now();
      await client.query(indexdef);
      steps.push(`\`${definitionOf(indexdef)}\` built: ${seconds(building)}`);
    }
    await client.query('VACUUM (ANALYZE) chunks, documents, collections');
    return { vectors, steps };
  } finally {
    client.release();
  }
}

/** What of an index matters here: its kind, columns and parameters. */
function definitionOf(indexdef: string): string {
  return indexdef.slice(indexdef.indexOf('USING ') + 'USING '.length);
}

function seconds(began: number): string {
  return `${((performance.now() - began) / 1000).toFixed(0)} s`;
}

async function insertDocuments(client: pg.ClientBase, { id, collections }: BenchTenant): Promise<void> {
  const slug = `tenant-${id.slice(0, 12)}`;
  await client.query('INSERT INTO tenants (id, name, slug) VALUES ($1, $2, $2)', [id, slug]);
  await client.query(
    `INSERT INTO collections (tenant_id, id, name, slug, embedding_model, embedding_dimensions)
     SELECT $1, c, 'Collection ' || c, 'c-' || c, $2, $3 FROM unnest($4::uuid[]) c`,
    [id, hashingEmbedder.id, hashingEmbedder.dimensions, collections.map((collection) => collection.id)],
  );
  const documents = collections.flatMap((collection) => collection.documents.map((document) => ({ collection, document })));
  await client.query(
    `INSERT INTO documents (tenant_id, id, collection_id, title, media_type, size_bytes, content_hash, storage_key, metadata)
     SELECT $1::uuid, d.id, d.collection_id, 'Document', 'text/plain', 1000, md5(d.id::text) || md5(d.id::text), $1::text || '/' || d.id, d.metadata
     FROM unnest($2::uuid[], $3::uuid[], $4::jsonb[]) d (id, collection_id, metadata)`,
    [
      id,
      documents.map(({ document }) => document.id),
      documents.map(({ collection }) => collection.id),
      documents.map(({ document }) => JSON.stringify(document.metadata)),
    ],
  );
}

/** Embeds while the server still works on the batch before. */
async function copyPassages(client: pg.ClientBase, { tenants, texts }: Corpus): Promise<Vectors> {
  const vectors: Vectors = new Array(texts.length);
  const model = Buffer.from(hashingEmbedder.id);
  const rows = new CopyRows();
  let waiting = 0;
  let sent = Promise.resolve();
  const send = async () => {
    const data = rows.end();
    waiting = 0;
    await sent;
    sent = copyFrom(client, `COPY chunks (${COLUMNS}) FROM STDIN (FORMAT binary)`, data);
  };
  for (const tenant of tenants) {
    for (const { id: collectionId, documents } of tenant.collections) {
      for (const document of documents) {
        const missing = document.texts.filter((number) => vectors[number] === undefined);
        const { vectors: made } = await hashingEmbedder.embed(missing.map((number) => texts[number] as string));
        missing.forEach((number, i) => {
          vectors[number] = made[i] as Float32Array;
        });
        document.texts.forEach((number, position) => {
          const content = texts[number] as string;
          rows.row([
            uuidField(tenant.id),
            uuidField(passageId(document.id, position)),
            uuidField(collectionId),
            uuidField(document.id),
            integerField(position),
            Buffer.from(content),
            integerField(Math.ceil(content.length / 4)),
            model,
            vectorField(vectors[number] as Float32Array),
          ]);
        });
        waiting += document.texts.length;
        if (waiting >= BATCH) await send();
      }
    }
  }
  await send();
  await sent;
  return vectors;
}

export function passageId(documentId: string, position: number): string {
  return idOf(`${documentId} ${position}`);
}

/** The texts of a tenant's passages by their ids, with the document and collection of each. */
export function passagesOf(tenant: BenchTenant): Map<string, number> {
  return new Map(
    documentsOf(tenant).flatMap(({ id, texts }) => texts.map((number, position) => [passageId(id, position), number] as const)),
  );
}
