import type { McpServerServices } from '../../../platform/mcp-server/context.ts';
import { findChunks } from '../documents/chunk.ts';
import { findDocuments } from '../documents/document.ts';
import { type LoggedSearch, type SearchInput, searchKnowledge } from '../search/search.ts';
import { documentUri } from './uri.ts';

export interface FoundChunk {
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
export async function searchChunks(
  services: McpServerServices,
  input: SearchInput,
): Promise<{ search: LoggedSearch; passages: FoundChunk[] }> {
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
    return [{ documentId, title, uri: documentUri(documentId), page, section, text: content, score }];
  });
  return { search, passages };
}
