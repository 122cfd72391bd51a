/** The interface of this module for other modules. */
export { type Citation, findAnswer } from './answers/answer-question.ts';
export { findChunks } from './documents/chunk.ts';
export { findDocuments } from './documents/document.ts';
export { collectionIdsOf } from './resolve-collections.ts';
export { searchKnowledge } from './search/search.ts';
export type { KnowledgeServices } from './services.ts';
