import { encodeGlobalId } from '../../src/platform/graphql/kit/global-id.ts';
import type { MutationCases } from './cases.ts';

const collection = (id: string) => encodeGlobalId('Collection', id);
const document = (id: string) => encodeGlobalId('Document', id);
const file = (text: string, name = 'notes.txt', type = 'text/plain') => new File([text], name, { type });

export const knowledge: MutationCases = {
  createCollection: {
    payload: 'collection { id slug embeddingModel chunkSize chunkOverlap createdBy { email } }',
    success: () => ({ name: 'Handbook', chunkSize: 200, language: 'german' }),
    badInput: () => ({ name: 'Handbook', chunkSize: 100, chunkOverlap: 51 }),
    audit: ['collection.created'],
  },
  updateCollection: {
    payload: 'collection { name description }',
    success: async ({ anyId }) => ({ id: collection(await anyId('collections')), name: 'Renamed', description: 'New' }),
    badInput: async ({ anyId }) => ({ id: collection(await anyId('collections')), embeddingModel: 'no/such-model' }),
    audit: ['collection.updated'],
  },
  archiveCollection: {
    payload: 'collection { status }',
    success: async ({ anyId }) => ({ id: collection(await anyId('collections')) }),
    audit: ['collection.updated'],
  },
  restoreCollection: {
    payload: 'collection { status }',
    prepare: async ({ anyId }, call) => {
      await call('archiveCollection', { id: collection(await anyId('collections')) });
      return {};
    },
    success: async ({ anyId }) => ({ id: collection(await anyId('collections')) }),
    audit: ['collection.updated'],
  },
  reprocessCollection: {
    payload: 'collection { chunkSize chunkCount documents { nodes { status } } }',
    success: async ({ anyId }) => ({ id: collection(await anyId('collections')), chunkSize: 128, chunkOverlap: 16 }),
    badInput: async ({ anyId }) => ({ id: collection(await anyId('collections')), language: 'klingon' }),
    audit: ['collection.updated'],
  },
  uploadDocument: {
    payload: 'duplicate document { id title filename mediaType sizeBytes status collection { documentCount } }',
    success: async ({ anyId }) => ({ collectionId: collection(await anyId('collections')), file: file('What is in the file.') }),
    badInput: async ({ anyId }) => ({
      collectionId: collection(await anyId('collections')),
      file: file('MZ', 'virus.exe', 'application/x-msdownload'),
    }),
    audit: ['document.created'],
  },
  addDocument: {
    payload: 'duplicate document { id title mediaType status uploadedBy { email } }',
    success: async ({ anyId }) => ({
      collectionId: collection(await anyId('collections')),
      title: 'Notes',
      text: '# Notes',
      mediaType: 'text/markdown',
    }),
    badInput: async ({ anyId }) => ({
      collectionId: collection(await anyId('collections')),
      title: 'Notes',
      text: 'x',
      mediaType: 'image/png',
    }),
    audit: ['document.created'],
  },
  createUpload: {
    payload: 'url expiresAt maxBytes',
    success: async ({ anyId }) => ({
      collectionId: collection(await anyId('collections')),
      filename: 'large.pdf',
      sizeBytes: 1_000_000,
    }),
    badInput: async ({ anyId }) => ({
      collectionId: collection(await anyId('collections')),
      filename: 'large.pdf',
      sizeBytes: 1_000_000_000_000,
    }),
    // Nothing is stored before the upload.
    audit: [],
  },
  updateDocument: {
    payload: 'document { title metadata }',
    success: async ({ anyId }) => ({ id: document(await anyId('documents')), title: 'Renamed', metadata: { year: 2026 } }),
    badInput: async ({ anyId }) => ({ id: document(await anyId('documents')), title: ' ' }),
    audit: ['document.updated'],
  },
  deleteDocument: {
    payload: 'document { deletedAt chunkCount collection { documentCount chunkCount } }',
    success: async ({ anyId }) => ({ id: document(await anyId('documents')) }),
    audit: ['document.updated'],
  },
  restoreDocument: {
    payload: 'document { deletedAt status }',
    prepare: async ({ anyId }, call) => {
      await call('deleteDocument', { id: document(await anyId('documents')) });
      return {};
    },
    success: async ({ anyId }) => ({ id: document(await anyId('documents')) }),
    audit: ['document.updated'],
  },
  reprocessDocument: {
    payload: 'document { status chunkCount }',
    // Restored first, so that the document is PENDING.
    prepare: async ({ anyId }, call) => {
      await call('deleteDocument', { id: document(await anyId('documents')) });
      await call('restoreDocument', { id: document(await anyId('documents')) });
      return {};
    },
    success: async ({ anyId }) => ({ id: document(await anyId('documents')) }),
    // The document is PENDING already: no audited column changes.
    audit: [],
  },
  askKnowledge: {
    payload:
      'answer model citations { number chunk { document { title } } } evaluationRun { latencyMs } messages { role citations { number } } conversation { messageCount }',
    success: async ({ anyId }) => ({
      query: 'Who says hello there?',
      collectionIds: [collection(await anyId('collections'))],
      conversationId: encodeGlobalId('Conversation', await anyId('conversations')),
    }),
    badInput: async ({ anyId }) => ({ query: '  ', collectionIds: [collection(await anyId('collections'))] }),
    audit: ['evaluation_run.created', 'message.created'],
  },
  submitSearchFeedback: {
    payload: 'queryId feedback',
    success: async ({ anyId }) => ({ queryId: await anyId('rag_queries'), feedback: 'THUMBS_UP', comment: 'Just right' }),
    badInput: async ({ anyId }) => ({ queryId: await anyId('rag_queries'), feedback: 'THUMBS_UP', comment: 'x'.repeat(2_001) }),
    otherTenant: async (other) => ({ queryId: await other.anyId('rag_queries'), feedback: 'THUMBS_DOWN' }),
    audit: [],
  },
  submitAnswerFeedback: {
    payload: 'evaluationRun { userFeedback feedbackComment qualityScore }',
    success: async ({ anyId }) => ({
      evaluationRunId: await anyId('evaluation_runs'),
      feedback: 'THUMBS_DOWN',
      qualityScore: 0.25,
    }),
    badInput: async ({ anyId }) => ({ evaluationRunId: await anyId('evaluation_runs'), qualityScore: 1.5 }),
    otherTenant: async (other) => ({ evaluationRunId: await other.anyId('evaluation_runs'), feedback: 'THUMBS_DOWN' }),
    audit: ['evaluation_run.updated'],
  },
  runEvaluation: {
    payload: 'evaluation { status questionCount collections { name } }',
    success: async ({ anyId }) => ({
      name: 'Baseline',
      collectionIds: [collection(await anyId('collections'))],
      questions: [{ query: 'Hello?', expectedDocumentIds: [document(await anyId('documents'))] }],
    }),
    badInput: async ({ anyId }) => ({ name: 'Baseline', collectionIds: [collection(await anyId('collections'))], questions: [] }),
    audit: ['evaluation.created'],
  },
};
