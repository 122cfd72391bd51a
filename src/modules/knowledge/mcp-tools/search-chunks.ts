import type { McpServerServices } from '../../../platform/mcp-server/context.ts';
import { findChunks } from '../documents/chunk.ts';
import { findDocuments } from '../documents/document.ts';
import { type LoggedSearch, type SearchInput, searchKnowledge } from '../search/search.ts';

/** The URI of a document as a resource. */
export function documentUri(id: string): string {
  return `agentbase://documents/${id}`;
}

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

/** Searches and returns the chunks with the titles of their documents, in descending order of score. */
export async function searchChunks(
  services: McpServerServices,
  input: SearchInput,
): Promise<{ search: LoggedSearch; chunks: FoundChunk[] }> {
  const search = await searchKnowledge(services, input);
  const rows = await findChunks(
    services.prisma,
    search.hits.map(({ chunkId }) => chunkId),
  );
  const documents = await findDocuments(services.prisma, [...new Set(rows.map(({ documentId }) => documentId))]);
  const chunkOf = new Map(rows.map((chunk) => [chunk.id, chunk]));
  const titleOf = new Map(documents.map(({ id, title }) => [id, title]));
  const chunks = search.hits.flatMap(({ chunkId, score }) => {
    const chunk = chunkOf.get(chunkId);
    // The chunk may have been deleted after the search.
    if (!chunk) return [];
    const { documentId, page, section, content } = chunk;
    const title = titleOf.get(documentId) ?? '';
    return [{ documentId, title, uri: documentUri(documentId), page, section, text: content, score }];
  });
  return { search, chunks };
}
