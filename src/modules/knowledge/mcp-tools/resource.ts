import { NotFoundError } from '../../../platform/lib/errors.ts';
import { isUuid } from '../../../platform/lib/ids.ts';
import { defineResource } from '../../../platform/mcp-server/define-resource.ts';
import { nextCursorOf } from '../../../platform/mcp-server/paging.ts';
import { Document } from '../documents/document.ts';
import { documentText } from '../documents/document-text.ts';
import { documentUri } from './uri.ts';

const MOST_CHARACTERS = 400_000;

export const documentResource = defineResource({
  uri: documentUri('{id}'),
  name: 'document',
  title: 'Documents',
  description: `The text of a document, its first ${MOST_CHARACTERS} characters. Find what is in longer ones with search_knowledge.`,
  mimeType: 'text/plain',
  access: 'knowledge:read',
  async list({ database }, page) {
    const found = await Document.page(database, { status: ['INDEXED'] }, page);
    return {
      resources: found.nodes.map(({ id, title, mediaType, uploadedAt }) => ({
        uri: documentUri(id),
        name: title,
        title,
        description: `The text of a document that came as ${mediaType}.`,
        annotations: { lastModified: uploadedAt.toISOString() },
      })),
      next: nextCursorOf(found),
    };
  },
  async read({ prisma }, { id = '' }) {
    if (!isUuid(id)) throw new NotFoundError('The document');
    const { title, text, passages, of } = await documentText(prisma, id, MOST_CHARACTERS);
    return { text, _meta: { 'agentbase/title': title, 'agentbase/passages': passages, 'agentbase/passagesOfAll': of } };
  },
});
