import { setTimeout as delay } from 'node:timers/promises';
import { knowledgeJobs } from '../../src/modules/knowledge/jobs.ts';
import type { Viewer } from '../../src/platform/auth/viewer.ts';
import type { Services } from '../../src/platform/graphql/context.ts';
import { encodeGlobalId } from '../../src/platform/graphql/kit/global-id.ts';
import { startJobs } from '../../src/platform/jobs/jobs.ts';
import { createLogger } from '../../src/platform/lib/logger.ts';
import { pick, type TestGraph } from './graph.ts';
import { jobsPool } from './services.ts';

/** Starts a job worker over the test's database, as `npm run worker` does. The caller closes it. */
export async function startWorker(graph: TestGraph, changes: Partial<Services> = {}): Promise<{ close(): Promise<void> }> {
  const pool = jobsPool(graph);
  const jobs = await startJobs({ pool, embedded: graph.embedded, works: true, log: createLogger('silent') });
  await jobs.work(knowledgeJobs({ ...graph.services, jobs, ...changes }), 2);
  return {
    async close() {
      await jobs.close();
      if (!graph.embedded) await pool.end();
    },
  };
}

/** Polls a value until it satisfies a condition. Throws with the last value after the timeout. */
export async function until<Value>(read: () => Promise<Value>, done: (value: Value) => boolean, ms = 30_000): Promise<Value> {
  const end = Date.now() + ms;
  for (;;) {
    const value = await read();
    if (done(value)) return value;
    if (Date.now() > end)
      throw new Error(
        `timeout, last value: ${JSON.stringify(value, (_key, part) => (typeof part === 'bigint' ? String(part) : part))}`,
      );
    await delay(50);
  }
}

export interface DocumentState {
  id: string;
  status: string;
  chunkCount: number;
  totalChunks: number | null;
  errorCode: string | null;
  errorMessage: string | null;
}

export async function documentState(graph: TestGraph, viewer: Viewer, id: string): Promise<DocumentState> {
  const answer = await graph.execute(
    viewer,
    'query ($id: ID!) { document(id: $id) { id status chunkCount totalChunks errorCode errorMessage } }',
    { id },
  );
  return pick<DocumentState>(answer, 'document');
}

/** Waits until a document is INDEXED or FAILED. */
export function untilRead(graph: TestGraph, viewer: Viewer, id: string): Promise<DocumentState> {
  return until(
    () => documentState(graph, viewer, id),
    ({ status }) => status === 'INDEXED' || status === 'FAILED',
  );
}

export async function addCollection(graph: TestGraph, viewer: Viewer, input: Record<string, unknown> = {}): Promise<string> {
  const answer = await graph.execute(
    viewer,
    'mutation ($input: CreateCollectionInput!) { r: createCollection(input: $input) { ... on CreateCollectionPayload { collection { id } } ... on UserError { message } } }',
    { input: { name: 'Handbook', ...input } },
  );
  return pick(answer, 'r.collection.id');
}

export interface Added {
  id: string;
  duplicate: boolean;
}

export async function addText(
  graph: TestGraph,
  viewer: Viewer,
  collectionId: string,
  input: Record<string, unknown>,
): Promise<Added> {
  const answer = await graph.execute(
    viewer,
    'mutation ($input: AddDocumentInput!) { r: addDocument(input: $input) { ... on AddDocumentPayload { duplicate document { id } } ... on UserError { message } } }',
    { input: { collectionId, title: 'Notes', ...input } },
  );
  return { id: pick(answer, 'r.document.id'), duplicate: pick<boolean>(answer, 'r.duplicate') };
}

export async function upload(graph: TestGraph, viewer: Viewer, collectionId: string, file: File): Promise<Added> {
  const answer = await graph.execute(
    viewer,
    'mutation ($input: UploadDocumentInput!) { r: uploadDocument(input: $input) { ... on UploadDocumentPayload { duplicate document { id } } ... on UserError { message } } }',
    { input: { collectionId, file } },
  );
  return { id: pick(answer, 'r.document.id'), duplicate: pick<boolean>(answer, 'r.duplicate') };
}

export interface Found {
  mode: string | null;
  requested: number;
  returned: number;
  truncated: boolean;
  responseMs: number;
  queryId: string;
  hits: {
    score: number;
    vectorRank: number | null;
    keywordRank: number | null;
    excerpt: string;
    chunk: { id: string; content: string; page: number | null; section: string | null };
    document: { id: string; title: string };
  }[];
}

export async function find(graph: TestGraph, viewer: Viewer, input: Record<string, unknown>): Promise<Found> {
  const answer = await graph.execute(
    viewer,
    `query ($input: SearchKnowledgeInput!) { searchKnowledge(input: $input) { mode requested returned truncated responseMs queryId
      hits { score vectorRank keywordRank excerpt chunk { id content page section } document { id title } } } }`,
    { input },
  );
  return pick<Found>(answer, 'searchKnowledge');
}

export const collectionId = (id: string): string => encodeGlobalId('Collection', id);
