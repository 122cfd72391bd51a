import { currentScope } from '../../../platform/postgres/request-scope.ts';
import {
  callMcpTool,
  findToolsForAgent,
  type McpToolOutput,
  type McpToolReference,
  textOfOutput,
} from '../../tool-servers/exports.ts';
import type { RunLease } from '../lease/run-lease.ts';
import type { RunServices } from '../services.ts';
import type { RunTool, ToolOutcome } from './tool.ts';

/** Joins output that consists only of text to one string. Returns other output unchanged. */
function simplifyOutput(output: McpToolOutput): unknown {
  const textOnly = output.structuredContent === undefined && output.content.every(({ type }) => type === 'text');
  return textOnly ? textOfOutput(output) : output;
}

/** The MCP tools that a run may call on behalf of its user. */
export async function toolServerTools(
  services: RunServices,
  { run, settings }: RunLease,
  references: McpToolReference[],
): Promise<RunTool[]> {
  const userId = run.userId ?? undefined;
  const found = await findToolsForAgent(services, references, userId);
  return found.map(({ id, name, description, inputSchema, requiresApproval, readOnly }) => ({
    name,
    description,
    inputSchema,
    source: 'MCP',
    mcpToolId: id,
    approval: requiresApproval,
    repeatable: readOnly,
    async call(args, { signal, messageId, approved }): Promise<ToolOutcome> {
      const outcome = await callMcpTool(services, {
        context: currentScope().context,
        toolId: id,
        arguments: args,
        approved,
        userId,
        agentId: run.agentId,
        conversationId: run.conversationId,
        messageId,
        runId: run.id,
        signal,
        timeoutMs: settings.toolTimeoutMs,
      });
      const { output, status, errorMessage } = outcome;
      if (status === 'SUCCESS') return { status: 'SUCCEEDED', output: output && simplifyOutput(output) };
      const error = errorMessage ?? `${name} failed.`;
      return {
        status: status === 'TIMEOUT' ? 'TIMED_OUT' : 'FAILED',
        error,
        ...(output === null ? {} : { output: simplifyOutput(output) }),
      };
    },
  }));
}
