import { type ToolReference, toolReferences } from '../../agents/exports.ts';
import type { RunLease } from '../lease/run-lease.ts';
import type { RunServices } from '../services.ts';
import { calculator } from './calculator.ts';
import { currentTime } from './current-time.ts';
import { searchKnowledgeRunTool } from './search-knowledge.ts';
import type { RunTool } from './tool.ts';

/** The tools of the run, by their names in the prompt. */
export async function findRunTools(services: RunServices, lease: RunLease): Promise<Map<string, RunTool>> {
  const references = toolReferences(lease.agent.tools);
  const mcpReferences = references.filter((reference) => reference.kind === 'mcp');
  const builtIn = references.flatMap((reference) => builtInTool(services, reference) ?? []);
  // The MCP client is loaded only where the agent references MCP tools.
  const mcpTools =
    mcpReferences.length > 0
      ? await (await import('./tool-server-tools.ts')).toolServerTools(services, lease, mcpReferences)
      : [];
  const tools = new Map<string, RunTool>();
  for (const tool of [...builtIn, ...mcpTools]) {
    const existing = tools.get(tool.name);
    // A tool that is referenced twice requires approval if either reference does.
    if (existing) existing.approval ||= tool.approval;
    else tools.set(tool.name, tool);
  }
  return tools;
}

function builtInTool(services: RunServices, reference: ToolReference): RunTool | undefined {
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
