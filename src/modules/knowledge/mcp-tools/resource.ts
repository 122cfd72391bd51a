import { NotFoundError } from '../../../platform/lib/errors.ts';
import { isUuid } from '../../../platform/lib/ids.ts';
import { defineResource } from '../../../platform/mcp-server/define-resource.ts';
import { nextCursorOf } from '../../../platform/mcp-server/paging.ts';
import { Document } from '../documents/document.ts';
import { documentText } from '../documents/document-text.ts';
import { documentUri } from './search-chunks.ts';

const MAX_CHARACTERS = 400_000;

export const documentResource = defineResource({
  uri: documentUri('{id}'),
  name: 'document',
  title: 'Documents',
  description: `The text of a document, at most ${MAX_CHARACTERS} characters. Use search_knowledge for the rest of a longer document.`,
  mimeType: 'text/plain',
  access: 'knowledge:read',
  async list({ database }, page) {
    const found = await Document.page(database, { status: ['INDEXED'] }, page);
    return {
      resources: found.nodes.map(({ id, title, mediaType, uploadedAt }) => ({
        uri: documentUri(id),
        name: title,
        title,
        description: `The text of a document of type ${mediaType}.`,
        annotations: { lastModified: uploadedAt.toISOString() },
      })),
      next: nextCursorOf(found),
    };
  },
  async read({ prisma }, { id = '' }) {
    if (!isUuid(id)) throw new NotFoundError('The document');
    const { title, text, chunks, totalChunks } = await documentText(prisma, id, MAX_CHARACTERS);
    return { text, _meta: { 'agentbase/title': title, 'agentbase/passages': chunks, 'agentbase/passagesOfAll': totalChunks } };
  },
});
