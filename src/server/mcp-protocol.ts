import { mergeCatalogs } from '../mcp/server/catalog.ts';
import { agentsForMcp } from '../modules/agents/mcp/index.ts';
import { conversationsForMcp } from '../modules/conversations/mcp/index.ts';
import { knowledgeForMcp } from '../modules/knowledge/mcp/index.ts';
import { runsForMcp } from '../modules/runs/mcp/index.ts';

export { exchange } from '../mcp/server/exchange.ts';
export { createMcpServer } from '../mcp/server/serve.ts';

/** Everything Agentbase offers at `/mcp`. */
export const catalog = mergeCatalogs(knowledgeForMcp, agentsForMcp, conversationsForMcp, runsForMcp);
