import { currentScope } from '../../../platform/postgres/request-scope.ts';
import { callMcpTool, findToolsForAgent, type McpToolReference } from '../../tool-servers/exports.ts';
import type { RunLease } from '../lease/run-lease.ts';
import type { RunServices } from '../services.ts';
import { describeOutput } from './describe-output.ts';
import type { RunTool, ToolOutcome } from './tool.ts';

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
      if (status === 'SUCCESS') return { status: 'SUCCEEDED', ...(output ? describeOutput(output) : { output: null }) };
      const error = errorMessage ?? `${name} failed.`;
      return {
        status: status === 'TIMEOUT' ? 'TIMED_OUT' : 'FAILED',
        error,
        ...(output === null ? {} : { output: describeOutput(output).output }),
      };
    },
  }));
}
