import { z } from 'zod';
import { defineTool } from '../../../platform/mcp-server/define-tool.ts';
import { createConversation } from '../conversation.ts';
import { conversationOf, conversationShape } from './shapes.ts';

export const createConversationTool = defineTool({
  name: 'create_conversation',
  title: 'Create a conversation',
  description: 'Creates a conversation with an agent. Send messages with send_message.',
  access: 'conversation:write',
  writes: true,
  input: {
    agentId: z.uuid().describe('The agent that replies, from list_agents.'),
    title: z.string().trim().min(1).max(500).optional().describe('Title of the conversation.'),
  },
  output: { conversation: conversationShape },
  run: async (context, { agentId, title }) => ({
    conversation: conversationOf(await createConversation(context, { agentId, title })),
  }),
});
