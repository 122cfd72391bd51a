import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { processDocument } from '../../src/modules/knowledge/documents/process-document.ts';
import type { KnowledgeServices } from '../../src/modules/knowledge/services.ts';
import { hashingEmbedder } from '../../src/platform/ai/embedding/hashing-embedder.ts';
import { createLogger } from '../../src/platform/lib/logger.ts';
import { createPrisma } from '../../src/platform/postgres/prisma.ts';
import { createStorage, storageKey } from '../../src/platform/storage/storage.ts';
import { timed } from '../lib/figures.ts';
import type { Section } from '../lib/report.ts';
import { type BenchCollection, type BenchTenant, idOf } from './corpus.ts';
import type { LoadedBench } from './recall.ts';
import { seeded } from './words.ts';

/** Batch size of src/modules/knowledge/documents/process-document.ts. */
const BATCH = 64;
const PASSAGES = 600;
/** About the default chunk size of 400 tokens. */
const WORDS = 200;

async function embedAlone(texts: string[]): Promise<number> {
  const { ms } = await timed(async () => {
    for (let start = 0; start < texts.length; start += BATCH) await hashingEmbedder.embed(texts.slice(start, start + BATCH));
  });
  return ms;
}

/** Processes a new document with the code of the worker: read, split, embed, insert, with all indexes in place. */
async function processOne(
  { bench, corpus }: LoadedBench,
  text: string,
  folder: string,
): Promise<{ ms: number; passages: number }> {
  const tenant = corpus.tenants.find(({ group }) => group === 'middle') as BenchTenant;
  const collection = tenant.collections[0] as BenchCollection;
  const contentHash = createHash('sha256').update(text).digest('hex');
  const id = idOf(contentHash);
  const key = storageKey({ tenantId: tenant.id, ownerId: collection.id, contentHash });
  const storage = createStorage({ kind: 'local', folder });
  await storage.commit(await storage.stage(Readable.from([Buffer.from(text)]), { maxBytes: 10_000_000 }), key);
  await bench.owner.query(
    `INSERT INTO documents (tenant_id, id, collection_id, title, media_type, size_bytes, content_hash, storage_key)
     VALUES ($1, $2, $3, 'Ingested', 'text/plain', $4, $5, $6)`,
    [tenant.id, id, collection.id, Buffer.byteLength(text), contentHash, key],
  );
  const services = {
    ...bench.services,
    prisma: createPrisma(bench.database),
    storage,
    live: { announce: () => {} },
    log: createLogger('error'),
  } as unknown as KnowledgeServices;
  const run = { tenantId: tenant.id, documentId: id, signal: AbortSignal.timeout(120_000), lastAttempt: true };
  const { ms } = await timed(() => processDocument(services, run));
  const { rows } = await bench.owner.query('SELECT status, chunk_count FROM documents WHERE tenant_id = $1 AND id = $2', [
    tenant.id,
    id,
  ]);
  if (rows[0].status !== 'INDEXED') throw new Error(`the document has status ${rows[0].status} instead of INDEXED`);
  return { ms, passages: rows[0].chunk_count };
}

export async function measureIngest(loaded: LoadedBench): Promise<Section> {
  const random = seeded(6);
  const { language } = loaded.corpus;
  const texts = Array.from({ length: PASSAGES }, () => language.passage(random, language.topic(random), WORDS));
  const alone = await embedAlone(texts);
  const folder = mkdtempSync(join(tmpdir(), 'agentbase-bench-'));
  try {
    // Warm-up: the first document loads the parsers.
    await processOne(loaded, texts.slice(0, 20).join('\n\n'), folder);
    const whole = await processOne(loaded, texts.join('\n\n'), folder);
    const line = (name: string, passages: number, ms: number) => [name, passages, passages / (ms / 1000), ms / passages];
    return {
      title: 'Ingest',
      text: `\`local-lexical\` alone on passages of ${WORDS} words in batches of ${BATCH}, and \`processDocument\` on one document: read, split, embed and insert into the filled tables with all indexes, one worker.`,
      header: ['work', 'passages', 'passages/s', 'ms per passage'],
      rows: [line('embedding alone', texts.length, alone), line('whole document', whole.passages, whole.ms)],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
