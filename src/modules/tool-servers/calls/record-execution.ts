import { setTimeout as delay } from 'node:timers/promises';
import type { McpServerConfig, McpTool, Prisma as PrismaTypes } from '../../../generated/prisma/client.ts';
import { ConflictError, ForbiddenError, UnavailableError } from '../../../platform/lib/errors.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { shorten } from '../../../platform/lib/text.ts';
import type { Redactor } from '../secrets/redact.ts';
import type { ToolServerServices } from '../services.ts';
import type { CallResult, McpToolCall } from './tool-call.ts';

const MAX_LOGGED_BYTES = 65_536;
const MAX_LOGGED_TEXT = 2_000;
/** With pauses between them that outlast a restart of the database. */
const ATTEMPTS = 4;
const PAUSE_MS = 500;

export interface EndedExecution {
  tool: McpTool;
  config: McpServerConfig;
  attempt: CallResult;
  /** With secrets redacted. */
  parameters: unknown;
  redactor: Redactor;
  startedAt: Date;
  durationMs: number;
}

/** Inserts the row of a call in its own transaction and returns its id. */
export async function recordExecution(services: ToolServerServices, call: McpToolCall, ended: EndedExecution): Promise<string> {
  const { config, tool, attempt, redactor, startedAt, durationMs } = ended;
  const { output, errorMessage } = attempt;
  const id = newId();
  const data: PrismaTypes.McpToolExecutionUncheckedCreateInput = {
    tenantId: config.tenantId,
    id,
    configId: config.id,
    agentId: call.agentId ?? null,
    conversationId: call.conversationId ?? null,
    messageId: call.messageId ?? null,
    runId: call.runId ?? null,
    userId: call.userId ?? null,
    toolName: tool.name,
    parameters: objectOf(shortenJson(ended.parameters)),
    ...(output ? { result: shortenJson(redactor.jsonForLog(output)) as PrismaTypes.InputJsonValue } : {}),
    status: attempt.status,
    errorCode: attempt.errorCode,
    errorMessage: errorMessage === null ? null : shorten(redactor.textForLog(errorMessage), MAX_LOGGED_TEXT),
    durationMs,
    serverInstance: attempt.serverInstance,
    startedAt,
    completedAt: new Date(startedAt.getTime() + durationMs),
  };
  await insert(services, call, data);
  return id;
}

async function insert(
  { database, prisma, log }: ToolServerServices,
  { context }: McpToolCall,
  data: PrismaTypes.McpToolExecutionUncheckedCreateInput,
): Promise<void> {
  const write = async () => void (await prisma.mcpToolExecution.create({ data, select: { id: true } }));
  for (let attempt = 1; ; attempt++) {
    try {
      await database.transactionAs({ ...context, readOnly: false }, write);
      return;
    } catch (error) {
      // The previous attempt committed before its connection was lost.
      if (attempt > 1 && error instanceof ConflictError) return;
      // The user left the tenant during the call, which must be recorded all the same.
      if (error instanceof ForbiddenError && data.userId) {
        data.userId = null;
        continue;
      }
      if (!(error instanceof UnavailableError) || attempt === ATTEMPTS) {
        const { tenantId, toolName, status } = data;
        log.error({ err: error, tenantId, toolName, status }, 'MCP tool execution insert failed');
        throw error;
      }
      await delay(attempt * PAUSE_MS);
    }
  }
}

/** Limits JSON to the size of a log entry: truncates long texts, or if that is not enough returns its beginning. */
function shortenJson(value: unknown): unknown {
  const whole = JSON.stringify(value);
  if (Buffer.byteLength(whole) <= MAX_LOGGED_BYTES) return value;
  const cut: unknown = JSON.parse(whole, (_key, item) => (typeof item === 'string' ? shorten(item, MAX_LOGGED_TEXT) : item));
  if (Buffer.byteLength(JSON.stringify(cut)) <= MAX_LOGGED_BYTES) return cut;
  return { shortened: true, beginning: shorten(whole, MAX_LOGGED_BYTES / 4) };
}

function objectOf(value: unknown): PrismaTypes.InputJsonObject {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return (isObject ? value : { value }) as PrismaTypes.InputJsonObject;
}
