import type { Catalog } from '../../../platform/mcp-server/catalog.ts';
import { createConversationTool } from './create-conversation.ts';
import { listConversationsTool } from './list-conversations.ts';
import { readMessagesTool } from './read-messages.ts';
import { conversationResource } from './resource.ts';

export const conversationsForMcp: Partial<Catalog> = {
  tools: [createConversationTool, listConversationsTool, readMessagesTool],
  resources: [conversationResource],
  instructions: ['Begin a conversation with an agent with create_conversation, and read its messages with read_messages.'],
};
