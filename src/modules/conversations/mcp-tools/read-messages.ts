import { z } from 'zod';
import { defineTool } from '../../../platform/mcp-server/define-tool.ts';
import { Conversation } from '../conversation.ts';
import { listMessages } from './message-excerpts.ts';
import { messageOf, messageShape } from './shapes.ts';

export const readMessagesTool = defineTool({
  name: 'read_messages',
  title: 'Read messages',
  description: 'Reads messages of a conversation in order. Call again with the last sequence as `after` for newer messages.',
  access: 'conversation:read',
  writes: false,
  input: {
    conversationId: z.uuid().describe('The conversation.'),
    after: z.number().int().min(0).max(2_147_483_647).default(0).describe('Only messages with a higher sequence.'),
    limit: z.number().int().min(1).max(100).default(50).describe('Maximum number of messages. Long messages reduce the number.'),
  },
  output: {
    messages: z.array(messageShape),
    more: z.boolean().describe('Whether more messages existed at the time of the call.'),
  },
  async run({ prisma, database }, { conversationId, after, limit }) {
    const { lastSequence } = await Conversation.require(prisma, conversationId, ['conversationId']);
    const messages = await listMessages(database, { conversationId, after, first: limit });
    return { messages: messages.map(messageOf), more: (messages.at(-1)?.sequence ?? after) < lastSequence };
  },
});
