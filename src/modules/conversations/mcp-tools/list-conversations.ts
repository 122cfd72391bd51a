import { z } from 'zod';
import { ConversationStatus } from '../../../generated/prisma/enums.ts';
import { defineTool } from '../../../platform/mcp-server/define-tool.ts';
import { nextCursorOf, pageInput, pageOutput } from '../../../platform/mcp-server/paging.ts';
import { Conversation } from '../conversation.ts';
import { conversationOf, conversationShape } from './shapes.ts';

export const listConversationsTool = defineTool({
  name: 'list_conversations',
  title: 'List conversations',
  description: 'Lists the conversations of the tenant, newest first.',
  access: 'conversation:read',
  writes: false,
  input: {
    agentId: z.uuid().optional().describe('Only conversations with this agent.'),
    status: z.enum(ConversationStatus).optional().describe('Only conversations in this state.'),
    ...pageInput,
  },
  output: { conversations: z.array(conversationShape), ...pageOutput },
  async run({ database }, { agentId, status, limit, cursor }) {
    const filter = { agentId, status: status && [status] };
    const page = await Conversation.page(database, filter, { first: limit, after: cursor });
    return { conversations: page.nodes.map(conversationOf), nextCursor: nextCursorOf(page) };
  },
});
