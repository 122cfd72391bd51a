import { z } from 'zod';
import { defineTool } from '../../../platform/mcp-server/define-tool.ts';
import { Conversation } from '../conversation.ts';
import { listMessages } from './message-excerpts.ts';
import { messageOf, messageShape } from './shapes.ts';

export const readMessagesTool = defineTool({
  name: 'read_messages',
  title: 'Read messages',
  description: 'Reads messages of a conversation in their order. Ask again after the last sequence for what is new since.',
  access: 'conversation:read',
  writes: false,
  input: {
    conversationId: z.uuid().describe('The conversation.'),
    after: z.number().int().min(0).max(2_147_483_647).default(0).describe('Only messages with a higher sequence.'),
    limit: z.number().int().min(1).max(100).default(50).describe('How many at most. Fewer come where they are long.'),
  },
  output: {
    messages: z.array(messageShape),
    more: z.boolean().describe('Whether there were more at that moment.'),
  },
  async run({ prisma, database }, { conversationId, after, limit }) {
    const { lastSequence } = await Conversation.require(prisma, conversationId, ['conversationId']);
    const messages = await listMessages(database, { conversationId, after, first: limit });
    return { messages: messages.map(messageOf), more: (messages.at(-1)?.sequence ?? after) < lastSequence };
  },
});
