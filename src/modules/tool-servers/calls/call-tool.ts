import type { McpServer, McpServerConfig, McpTool } from '../../../generated/prisma/client.ts';
import { NotFoundError } from '../../../platform/lib/errors.ts';
import { McpCallError } from '../../../platform/mcp-client/errors.ts';
import { runWithContext } from '../../../platform/postgres/request-scope.ts';
import { toolStatusOf } from '../discovery/definition.ts';
import { fitsJson } from '../json-schema/canonical-json.ts';
import { type JsonSchema, SchemaBudgetError, UnusableSchemaError, validateJson } from '../json-schema/json-schema.ts';
import { type Redactor, redactorOf } from '../secrets/redact.ts';
import { type OpenedSecrets, openAllSecrets } from '../secrets/secrets.ts';
import { limitsOf } from '../servers/limits.ts';
import { PlaceholderError } from '../servers/placeholders.ts';
import { connectionKey, endpointOf } from '../servers/server-endpoint.ts';
import type { ToolServerServices } from '../services.ts';
import { recordExecution } from './record-execution.ts';
import type { McpToolCall } from './tool-call.ts';
import { type CallResult, completed, failed, type McpToolOutput } from './tool-call.ts';

export { type McpOutcomeCode, type McpToolOutput, textOfOutput } from './tool-call.ts';

export interface McpToolOutcome extends Omit<CallResult, 'serverInstance'> {
  /** Id of the recorded row. */
  executionId: string;
  durationMs: number;
}

interface Found {
  tool: McpTool;
  config: McpServerConfig;
  /** Null if the platform no longer shows it to the tenant. */
  server: McpServer | null;
}

const MAX_ARGUMENTS_BYTES = 262_144;

/**
 * Calls a tool once and records the outcome in one row. Must not run in a transaction, since the server can take arbitrarily long.
 * Throws NotFoundError if the tool does not exist. Any other failure is an outcome.
 */
export function callMcpTool(services: ToolServerServices, call: McpToolCall): Promise<McpToolOutcome> {
  return runWithContext(call.context, async () => {
    const found = await find(services, call.toolId);
    const startedAt = new Date();
    const start = performance.now();
    const opened = await open(services, found.config);
    const raw = await attemptCall(services, call, found, opened);
    const redactor = redactorOf(opened, tokensOf(services, found));
    const attempt = redacted(raw, redactor);
    const durationMs = Math.round(performance.now() - start);
    // Without the secrets they cannot be redacted from the arguments.
    const parameters = opened ? redactor.jsonForLog(call.arguments) : {};
    const executionId = await recordExecution(services, call, { ...found, attempt, parameters, redactor, startedAt, durationMs });
    const { serverInstance: _, ...outcome } = attempt;
    return { ...outcome, executionId, durationMs };
  });
}

function tokensOf({ mcp }: ToolServerServices, { server, config }: Found): string[] {
  return server ? mcp.tokensOf(connectionKey({ server, config })) : [];
}

async function find({ prisma }: ToolServerServices, toolId: string): Promise<Found> {
  const tool = await prisma.mcpTool.findFirst({ where: { id: toolId }, include: { config: true } });
  if (!tool) throw new NotFoundError('The MCP tool', { path: ['input', 'toolId'] });
  const { config, ...rest } = tool;
  return { tool: rest, config, server: await prisma.mcpServer.findFirst({ where: { id: config.serverId } }) };
}

async function open({ mcp, log }: ToolServerServices, config: McpServerConfig): Promise<OpenedSecrets | undefined> {
  try {
    return await openAllSecrets(mcp.sealer, config);
  } catch (error) {
    log.error({ err: error, tenantId: config.tenantId, configId: config.id }, 'decryption of MCP server secrets failed');
    return undefined;
  }
}

async function attemptCall(
  services: ToolServerServices,
  call: McpToolCall,
  { tool, config, server }: Found,
  opened: OpenedSecrets | undefined,
): Promise<CallResult> {
  try {
    const refusal = refusalOf(call, { tool, config, server });
    if (refusal) return refusal;
    if (!server || !opened) return failed('NOT_CONFIGURED', "The secrets of the MCP server's configuration cannot be decrypted.");
    const invalid = await checkArguments(tool, call.arguments);
    if (invalid) return invalid;
    const target = await endpointOf({ server, config }, opened);
    const clients = await services.mcp.clients();
    const { content, structuredContent, isError, serverInfo } = await clients.callTool(target, {
      name: tool.name,
      arguments: call.arguments,
      signal: call.signal,
      timeoutMs: Math.min(call.timeoutMs ?? Number.POSITIVE_INFINITY, limitsOf(config.limits).timeoutMs),
    });
    const output = { content, ...(structuredContent ? { structuredContent } : {}) };
    return completed(output, isError, `${serverInfo.name} ${serverInfo.version}`.trim());
  } catch (error) {
    if (error instanceof PlaceholderError) return failed('NOT_CONFIGURED', error.message);
    if (error instanceof McpCallError) {
      const status = error.code === 'TIMEOUT' ? 'TIMEOUT' : 'ERROR';
      return failed(error.code, error.message, { status, mayHaveRun: error.mayHaveRun });
    }
    services.log.error({ err: error, tenantId: config.tenantId, toolId: tool.id }, 'MCP tool call failed unexpectedly');
    return failed('INTERNAL', 'The call failed unexpectedly.', { mayHaveRun: true });
  }
}

function refusalOf({ userId, approved }: McpToolCall, { tool, config, server }: Found): CallResult | undefined {
  if (!server || server.status === 'DISABLED') return failed('DISABLED', 'The MCP server is disabled.');
  if (!config.enabled) return failed('DISABLED', 'The MCP server is disabled in this tenant.');
  const { allowedUserIds: allowed } = config;
  if (allowed.length > 0 && !(userId && allowed.includes(userId))) {
    return failed('NOT_ALLOWED', 'Only the allowed users of the MCP server may call its tools.');
  }
  if (!tool.enabled) return failed('DISABLED', 'The tool is disabled.');
  const status = toolStatusOf(tool);
  if (status === 'WITHDRAWN') return failed('NOT_APPROVED', 'The MCP server no longer offers the tool.');
  if (status === 'NEW') return failed('NOT_APPROVED', 'The tool is not approved. Approve it with approveMcpTool.');
  if (status === 'CHANGED')
    return failed('NOT_APPROVED', 'The tool has changed since it was approved. Approve its current definition.');
  if (tool.requiresApproval && !approved) return failed('APPROVAL_REQUIRED', 'A user must approve each call of the tool.');
  return undefined;
}

async function checkArguments(tool: McpTool, given: Record<string, unknown>): Promise<CallResult | undefined> {
  const invalid = (path: string[], message: string) => {
    const at = path.length > 0 ? `${path.join('.')}: ` : '';
    return failed('ARGUMENTS_INVALID', `The arguments do not match the schema of the tool. ${at}${message}`, {
      issues: [{ path, message }],
    });
  };
  if (!fitsJson(given, MAX_ARGUMENTS_BYTES))
    return invalid([], 'Must have at most 256 KiB as JSON and at most 64 levels of nesting.');
  try {
    const [issue] = await validateJson(tool.inputSchema as JsonSchema, given);
    return issue && invalid(issue.path, issue.message);
  } catch (error) {
    if (error instanceof SchemaBudgetError) return invalid([], `They were not checked: ${error.message}.`);
    // The server validates the arguments itself, and the tool was approved with this schema.
    if (error instanceof UnusableSchemaError) return undefined;
    throw error;
  }
}

/** Removes the secrets of the configuration from all texts of an outcome. */
function redacted(attempt: CallResult, redactor: Redactor): CallResult {
  const { output, errorMessage, issues, serverInstance } = attempt;
  return {
    ...attempt,
    output: output && (redactor.json(output) as McpToolOutput),
    errorMessage: errorMessage === null ? null : redactor.text(errorMessage),
    issues: issues.map(({ path, message }) => ({ path: path.map(redactor.text), message: redactor.text(message) })),
    serverInstance: serverInstance === null ? null : redactor.text(serverInstance).slice(0, 200),
  };
}
