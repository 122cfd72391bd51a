import { requireFound } from '../../../platform/lib/require-found.ts';
import type { Prisma } from '../../../platform/postgres/prisma.ts';

export interface DocumentText {
  title: string;
  /** The chunks in order. Where they overlap, the text repeats. */
  text: string;
  /** Number of chunks in `text`. */
  chunks: number;
  /** Number of chunks of the document. */
  totalChunks: number;
}

/** Chunks per query. */
const BATCH = 100;

/** The text of a document up to about `maxCharacters`, in whole chunks. Throws NotFoundError. */
export async function documentText(prisma: Prisma, id: string, maxCharacters: number): Promise<DocumentText> {
  const document = await requireFound(prisma.document.findFirst({ where: { id, deletedAt: null } }), 'The document');
  const parts: string[] = [];
  let length = 0;
  for (let more = true; more && length < maxCharacters; ) {
    const chunks = await prisma.chunk.findMany({
      where: { documentId: id, position: { gte: parts.length } },
      orderBy: { position: 'asc' },
      take: BATCH,
      select: { content: true },
    });
    for (const { content } of chunks) {
      if (parts.length > 0 && length + content.length > maxCharacters) {
        return { title: document.title, text: parts.join('\n\n'), chunks: parts.length, totalChunks: document.chunkCount };
      }
      parts.push(content);
      length += content.length;
    }
    more = chunks.length === BATCH;
  }
  return { title: document.title, text: parts.join('\n\n'), chunks: parts.length, totalChunks: document.chunkCount };
}
