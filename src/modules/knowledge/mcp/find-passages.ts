import type { McpServices } from '../../../mcp/server/context.ts';
import { findChunks, findDocuments } from '../read.ts';
import { type LoggedSearch, type SearchInput, searchKnowledge } from '../search.ts';
import { uriOf } from './uri.ts';

export interface FoundPassage {
  documentId: string;
  title: string;
  uri: string;
  page: number | null;
  section: string | null;
  text: string;
  /** 0 to 1. */
  score: number;
}

/** Searches, and gives what was found with the titles of its documents, best first. */
export async function findPassages(
  services: McpServices,
  input: SearchInput,
): Promise<{ search: LoggedSearch; passages: FoundPassage[] }> {
  const search = await searchKnowledge(services, input);
  const chunks = await findChunks(
    services.prisma,
    search.hits.map(({ chunkId }) => chunkId),
  );
  const documents = await findDocuments(services.prisma, [...new Set(chunks.map(({ documentId }) => documentId))]);
  const chunkOf = new Map(chunks.map((chunk) => [chunk.id, chunk]));
  const titleOf = new Map(documents.map(({ id, title }) => [id, title]));
  const passages = search.hits.flatMap(({ chunkId, score }) => {
    const chunk = chunkOf.get(chunkId);
    // It may have gone since it was found.
    if (!chunk) return [];
    const { documentId, page, section, content } = chunk;
    const title = titleOf.get(documentId) ?? '';
    return [{ documentId, title, uri: uriOf(documentId), page, section, text: content, score }];
  });
  return { search, passages };
}
