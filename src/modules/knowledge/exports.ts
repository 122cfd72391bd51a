/** What other modules may use of knowledge. */
export { type Citation, findAnswer } from './answers/answer-question.ts';
export { findChunks, findDocuments } from './read.ts';
export { collectionIdsOf } from './resolve-collections.ts';
export { searchKnowledge } from './search/search.ts';
export type { KnowledgeServices } from './services.ts';
