import type { Catalog } from '../../../platform/mcp-server/catalog.ts';
import { listAgentsTool } from './list-agents.ts';

export const agentsForMcp: Partial<Catalog> = {
  tools: [listAgentsTool],
  instructions: ['Find agents with list_agents.'],
};
