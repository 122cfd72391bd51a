import { encodeGlobalId } from '../../src/graphql/global-id.ts';
import type { MutationCases } from './cases.ts';

const collection = (id: string) => encodeGlobalId('Collection', id);
const document = (id: string) => encodeGlobalId('Document', id);
const file = (text: string, name = 'notes.txt', type = 'text/plain') => new File([text], name, { type });

export const knowledge: MutationCases = {
  createCollection: {
    payload: 'collection { id slug embeddingModel chunkSize chunkOverlap createdBy { email } }',
    refused: 'VIEWER',
    success: () => ({ name: 'Handbook', chunkSize: 200, language: 'german' }),
    badInput: () => ({ name: 'Handbook', chunkSize: 100, chunkOverlap: 51 }),
    // A new collection refers to nothing that another tenant could own.
    otherTenant: undefined,
    audit: ['collection.created'],
  },
  updateCollection: {
    payload: 'collection { name description }',
    refused: 'VIEWER',
    success: ({ collectionId }) => ({ id: collection(collectionId), name: 'Renamed', description: 'New' }),
    badInput: ({ collectionId }) => ({ id: collection(collectionId), embeddingModel: 'no/such-model' }),
    otherTenant: (other) => ({ id: collection(other.collectionId), name: 'Stolen' }),
    audit: ['collection.updated'],
  },
  archiveCollection: {
    payload: 'collection { status }',
    refused: 'VIEWER',
    success: ({ collectionId }) => ({ id: collection(collectionId) }),
    badInput: ({ documentId }) => ({ id: document(documentId) }),
    otherTenant: (other) => ({ id: collection(other.collectionId) }),
    audit: ['collection.updated'],
  },
  restoreCollection: {
    payload: 'collection { status }',
    refused: 'VIEWER',
    prepare: async ({ collectionId }, call) => {
      await call('archiveCollection', { id: collection(collectionId) });
      return {};
    },
    success: ({ collectionId }) => ({ id: collection(collectionId) }),
    badInput: () => ({ id: 'no id' }),
    otherTenant: (other) => ({ id: collection(other.collectionId) }),
    audit: ['collection.updated'],
  },
  reprocessCollection: {
    payload: 'collection { chunkSize chunkCount documents { nodes { status } } }',
    refused: 'VIEWER',
    success: ({ collectionId }) => ({ id: collection(collectionId), chunkSize: 128, chunkOverlap: 16 }),
    badInput: ({ collectionId }) => ({ id: collection(collectionId), language: 'klingon' }),
    otherTenant: (other) => ({ id: collection(other.collectionId) }),
    audit: ['collection.updated'],
  },
  uploadDocument: {
    payload: 'duplicate document { id title filename mediaType sizeBytes status collection { documentCount } }',
    refused: 'VIEWER',
    success: ({ collectionId }) => ({ collectionId: collection(collectionId), file: file('What is in the file.') }),
    badInput: ({ collectionId }) => ({
      collectionId: collection(collectionId),
      file: file('MZ', 'virus.exe', 'application/x-msdownload'),
    }),
    otherTenant: (other) => ({ collectionId: collection(other.collectionId), file: file('Stolen') }),
    audit: ['document.created'],
  },
  addDocument: {
    payload: 'duplicate document { id title mediaType status uploadedBy { email } }',
    refused: 'VIEWER',
    success: ({ collectionId }) => ({
      collectionId: collection(collectionId),
      title: 'Notes',
      text: '# Notes',
      mediaType: 'text/markdown',
    }),
    badInput: ({ collectionId }) => ({
      collectionId: collection(collectionId),
      title: 'Notes',
      text: 'x',
      mediaType: 'image/png',
    }),
    otherTenant: (other) => ({ collectionId: collection(other.collectionId), title: 'Notes', text: 'Stolen' }),
    audit: ['document.created'],
  },
  createUpload: {
    payload: 'url expiresAt maxBytes',
    refused: 'VIEWER',
    success: ({ collectionId }) => ({ collectionId: collection(collectionId), filename: 'large.pdf', sizeBytes: 1_000_000 }),
    badInput: ({ collectionId }) => ({
      collectionId: collection(collectionId),
      filename: 'large.pdf',
      sizeBytes: 1_000_000_000_000,
    }),
    otherTenant: (other) => ({ collectionId: collection(other.collectionId), filename: 'large.pdf' }),
    // Nothing is kept before the file has come.
    audit: [],
  },
  updateDocument: {
    payload: 'document { title metadata }',
    refused: 'VIEWER',
    success: ({ documentId }) => ({ id: document(documentId), title: 'Renamed', metadata: { year: 2026 } }),
    badInput: ({ documentId }) => ({ id: document(documentId), title: ' ' }),
    otherTenant: (other) => ({ id: document(other.documentId), title: 'Stolen' }),
    audit: ['document.updated'],
  },
  deleteDocument: {
    payload: 'document { deletedAt chunkCount collection { documentCount chunkCount } }',
    refused: 'VIEWER',
    success: ({ documentId }) => ({ id: document(documentId) }),
    badInput: ({ collectionId }) => ({ id: collection(collectionId) }),
    otherTenant: (other) => ({ id: document(other.documentId) }),
    audit: ['document.updated'],
  },
  restoreDocument: {
    payload: 'document { deletedAt status }',
    refused: 'VIEWER',
    prepare: async ({ documentId }, call) => {
      await call('deleteDocument', { id: document(documentId) });
      return {};
    },
    success: ({ documentId }) => ({ id: document(documentId) }),
    badInput: () => ({ id: 'no id' }),
    otherTenant: (other) => ({ id: document(other.documentId) }),
    audit: ['document.updated'],
  },
  reprocessDocument: {
    payload: 'document { status chunkCount }',
    refused: 'VIEWER',
    // Read before, so that reading it again is a change.
    prepare: async ({ documentId }, call) => {
      await call('deleteDocument', { id: document(documentId) });
      await call('restoreDocument', { id: document(documentId) });
      return {};
    },
    success: ({ documentId }) => ({ id: document(documentId) }),
    badInput: () => ({ id: 'no id' }),
    otherTenant: (other) => ({ id: document(other.documentId) }),
    // It waited already: what the audit log keeps of a document has not changed.
    audit: [],
  },
  askKnowledge: {
    payload:
      'answer model citations { number chunk { document { title } } } evaluationRun { latencyMs } messages { role citations { number } } conversation { messageCount }',
    refused: 'VIEWER',
    success: ({ collectionId, conversationId }) => ({
      query: 'Who says hello there?',
      collectionIds: [collection(collectionId)],
      conversationId: encodeGlobalId('Conversation', conversationId),
    }),
    badInput: ({ collectionId }) => ({ query: '  ', collectionIds: [collection(collectionId)] }),
    otherTenant: (other) => ({ query: 'Who says hello?', collectionIds: [collection(other.collectionId)] }),
    audit: ['evaluation_run.created', 'message.created'],
  },
  submitSearchFeedback: {
    payload: 'queryId feedback',
    refused: 'VIEWER',
    success: ({ ragQueryId }) => ({ queryId: ragQueryId, feedback: 'THUMBS_UP', comment: 'Just right' }),
    badInput: ({ ragQueryId }) => ({ queryId: ragQueryId, feedback: 'THUMBS_UP', comment: 'x'.repeat(2_001) }),
    otherTenant: (other) => ({ queryId: other.ragQueryId, feedback: 'THUMBS_DOWN' }),
    audit: [],
  },
  submitAnswerFeedback: {
    payload: 'evaluationRun { userFeedback feedbackComment qualityScore }',
    refused: 'VIEWER',
    success: ({ evaluationRunId }) => ({ evaluationRunId, feedback: 'THUMBS_DOWN', qualityScore: 0.25 }),
    badInput: ({ evaluationRunId }) => ({ evaluationRunId, qualityScore: 1.5 }),
    otherTenant: (other) => ({ evaluationRunId: other.evaluationRunId, feedback: 'THUMBS_DOWN' }),
    audit: ['evaluation_run.updated'],
  },
  runEvaluation: {
    payload: 'evaluation { status questionCount collections { name } }',
    refused: 'VIEWER',
    success: ({ collectionId, documentId }) => ({
      name: 'Baseline',
      collectionIds: [collection(collectionId)],
      questions: [{ query: 'Hello?', expectedDocumentIds: [document(documentId)] }],
    }),
    badInput: ({ collectionId }) => ({ name: 'Baseline', collectionIds: [collection(collectionId)], questions: [] }),
    otherTenant: (other) => ({
      name: 'Baseline',
      collectionIds: [collection(other.collectionId)],
      questions: [{ query: 'Hello?', expectedDocumentIds: [document(other.documentId)] }],
    }),
    audit: ['evaluation.created'],
  },
};
