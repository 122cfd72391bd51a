import { NotFoundError } from '../../../platform/lib/errors.ts';
import { isUuid } from '../../../platform/lib/ids.ts';
import { defineResource } from '../../../platform/mcp-server/define-resource.ts';
import { nextCursorOf } from '../../../platform/mcp-server/paging.ts';
import { Conversation } from '../conversation.ts';
import { listMessages } from './message-excerpts.ts';
import { conversationOf, conversationUri, messageOf } from './shapes.ts';

const MAX_MESSAGES = 200;

export const conversationResource = defineResource({
  uri: conversationUri('{id}'),
  name: 'conversation',
  title: 'Conversations',
  description: `A conversation with its newest messages, at most ${MAX_MESSAGES}, as JSON. Read older ones with read_messages.`,
  mimeType: 'application/json',
  access: 'conversation:read',
  async list({ database }, page) {
    const found = await Conversation.page(database, {}, page);
    return {
      resources: found.nodes.map(({ id, title, messageCount, updatedAt }) => ({
        uri: conversationUri(id),
        name: id,
        title: title ?? 'Conversation without a title',
        description: `${messageCount} messages.`,
        annotations: { lastModified: updatedAt.toISOString() },
      })),
      next: nextCursorOf(found),
    };
  },
  async read({ prisma, database }, { id = '' }) {
    if (!isUuid(id)) throw new NotFoundError('The conversation');
    const conversation = await Conversation.require(prisma, id, []);
    const messages = await listMessages(database, { conversationId: id, after: 0, first: MAX_MESSAGES, newest: true });
    const { agentId, title, status, messageCount, lastSequence, createdAt } = conversationOf(conversation);
    const content = { id, agentId, title, status, messageCount, lastSequence, createdAt, messages: messages.map(messageOf) };
    return { text: JSON.stringify(content) };
  },
});
