import { type ToolReference, toolReferences } from '../../agents/exports.ts';
import type { RunLease } from '../lease/run-lease.ts';
import type { RunServices } from '../services.ts';
import { calculator } from './calculator.ts';
import { currentTime } from './current-time.ts';
import { searchKnowledgeRunTool } from './search-knowledge.ts';
import type { RunTool } from './tool.ts';

/** The tools the agent's model is offered, by the names it is told. */
export async function findRunTools(services: RunServices, claim: RunLease): Promise<Map<string, RunTool>> {
  const references = toolReferences(claim.agent.tools);
  const ofServers = references.filter((reference) => reference.kind === 'mcp');
  const own = references.flatMap((reference) => ownTool(services, reference) ?? []);
  // What speaks to MCP servers is loaded where there are some.
  const foreign =
    ofServers.length > 0 ? await (await import('./tool-server-tools.ts')).toolServerTools(services, claim, ofServers) : [];
  const tools = new Map<string, RunTool>();
  for (const tool of [...own, ...foreign]) {
    const same = tools.get(tool.name);
    // Named twice, it is asked about if either says so.
    if (same) same.approval ||= tool.approval;
    else tools.set(tool.name, tool);
  }
  return tools;
}

function ownTool(services: RunServices, reference: ToolReference): RunTool | undefined {
  const { approval } = reference;
  switch (reference.kind) {
    case 'calculator':
      return calculator(approval);
    case 'current_time':
      return currentTime(approval);
    case 'search_knowledge':
      return searchKnowledgeRunTool(services, reference.collections, approval);
    case 'mcp':
      return undefined;
  }
}
