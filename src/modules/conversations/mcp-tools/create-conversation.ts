import { z } from 'zod';
import { defineTool } from '../../../platform/mcp-server/define-tool.ts';
import { createConversation } from '../conversation.ts';
import { conversationOf, conversationShape } from './shapes.ts';

export const createConversationTool = defineTool({
  name: 'create_conversation',
  title: 'Create a conversation',
  description: 'Begins a conversation with an agent. Say something in it with send_message.',
  access: 'conversation:write',
  writes: true,
  input: {
    agentId: z.uuid().describe('The agent that answers, from list_agents.'),
    title: z.string().trim().min(1).max(500).optional().describe('What it is about.'),
  },
  output: { conversation: conversationShape },
  run: async (context, { agentId, title }) => ({
    conversation: conversationOf(await createConversation(context, { agentId, title })),
  }),
});
