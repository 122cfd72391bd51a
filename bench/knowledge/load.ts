import type pg from 'pg';
import { hashingEmbedder } from '../../src/platform/ai/embedding/hashing-embedder.ts';
import { CopyRows, copyFrom, integerField, uuidField, vectorField } from './copy.ts';
import { type BenchTenant, type Corpus, documentsOf, idOf } from './corpus.ts';

/** Passages per COPY. */
const BATCH = 1000;

const COLUMNS = 'tenant_id, id, collection_id, document_id, position, content, token_count, embedding_model, embedding';

/** By index of the text in the corpus. */
export type Vectors = Float32Array[];

export interface Loaded {
  vectors: Vectors;
  /** Description and duration of each step. */
  steps: string[];
}

/**
 * Fills the database as its owner by COPY. The triggers that count passages and compute search vectors run. The two large indexes are
 * dropped before and built afterwards, because inserts into them are much slower; measureIngest measures that.
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
    steps.push(`${vectors.length.toLocaleString('en-US')} distinct texts embedded and all passages copied: ${seconds(began)}`);
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

/** Method, columns and parameters of an index. */
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

/** Embeds a batch while the server still inserts the previous one. */
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

/** Index of the text of each passage of a tenant, by passage id. */
export function passagesOf(tenant: BenchTenant): Map<string, number> {
  return new Map(
    documentsOf(tenant).flatMap(({ id, texts }) => texts.map((number, position) => [passageId(id, position), number] as const)),
  );
}
