import type { Viewer } from '../../../platform/auth/viewer.ts';
import { ForbiddenError, InvalidStateError, NotFoundError, ValidationError } from '../../../platform/lib/errors.ts';
import { currentScope } from '../../../platform/postgres/request-scope.ts';
import type { ToolServerServices } from '../services.ts';
import { callMcpTool, type McpToolOutcome } from './call-tool.ts';

/** A tool by its id, or by its name at a server. */
export type ToolAddress = { toolId: string } | { serverId: string; name: string };

export interface ToolExecutionRequest {
  tool: ToolAddress;
  arguments: Record<string, unknown>;
  timeoutMs?: number | undefined;
}

/**
 * Calls a tool for the viewer. Failures of the server are outcomes, refusals before the call is sent are thrown. Both are recorded in one
 * row. Must not run in a transaction.
 */
export async function executeMcpTool(
  services: ToolServerServices,
  viewer: Viewer,
  execution: ToolExecutionRequest,
): Promise<McpToolOutcome> {
  const outcome = await callMcpTool(services, {
    context: currentScope().context,
    toolId: await toolIdOf(services, execution.tool),
    arguments: execution.arguments,
    // A user approves their own call. A request with an API key is not made by a user.
    approved: viewer.apiKeyId === undefined,
    userId: viewer.userId,
    timeoutMs: execution.timeoutMs,
  });
  throwIfRefused(outcome);
  return outcome;
}

async function toolIdOf({ prisma }: ToolServerServices, tool: ToolAddress): Promise<string> {
  if ('toolId' in tool) return tool.toolId;
  const { serverId, name } = tool;
  const found = await prisma.mcpTool.findFirst({ where: { name, config: { serverId } }, select: { id: true } });
  if (!found) throw new NotFoundError('The MCP tool', { path: ['input', 'name'] });
  return found.id;
}

function throwIfRefused({ errorCode, errorMessage, issues }: McpToolOutcome): void {
  const message = errorMessage ?? '';
  const at = ['input', 'arguments'];
  switch (errorCode) {
    case 'ARGUMENTS_INVALID':
      throw new ValidationError(issues.map((issue) => ({ ...issue, path: [...at, ...issue.path] })));
    case 'NOT_ALLOWED':
      throw new ForbiddenError(message);
    case 'NOT_APPROVED':
    case 'APPROVAL_REQUIRED':
    case 'DISABLED':
    case 'NOT_CONFIGURED':
      throw new InvalidStateError(message, { path: ['input'] });
  }
}
