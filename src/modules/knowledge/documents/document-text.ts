import { requireFound } from '../../../platform/lib/require-found.ts';
import type { Prisma } from '../../../platform/postgres/prisma.ts';

export interface DocumentText {
  title: string;
  /** Its passages in their order. Where they overlap, so does the text. */
  text: string;
  /** How many passages the text has, and how many there are. */
  passages: number;
  of: number;
}

/** Passages that are read at a time. */
const BATCH = 100;

/** The text of a document up to about `mostCharacters`, in whole passages. Throws NotFoundError. */
export async function documentText(prisma: Prisma, id: string, mostCharacters: number): Promise<DocumentText> {
  const document = await requireFound(prisma.document.findFirst({ where: { id, deletedAt: null } }), 'The document');
  const parts: string[] = [];
  let length = 0;
  for (let more = true; more && length < mostCharacters; ) {
    const passages = await prisma.chunk.findMany({
      where: { documentId: id, position: { gte: parts.length } },
      orderBy: { position: 'asc' },
      take: BATCH,
      select: { content: true },
    });
    for (const { content } of passages) {
      if (parts.length > 0 && length + content.length > mostCharacters) {
        return { title: document.title, text: parts.join('\n\n'), passages: parts.length, of: document.chunkCount };
      }
      parts.push(content);
      length += content.length;
    }
    more = passages.length === BATCH;
  }
  return { title: document.title, text: parts.join('\n\n'), passages: parts.length, of: document.chunkCount };
}
