import type { Catalog } from '../../../platform/mcp-server/catalog.ts';
import { sendMessageTool } from './send-message.ts';

export const runsForMcp: Partial<Catalog> = {
  tools: [sendMessageTool],
  instructions: ['Send a message to an agent with send_message.'],
};
