import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionStatus, Prisma as PrismaTypes, ToolCall, ToolCallStatus } from '../../../generated/prisma/client.ts';
import type { ToolImage } from '../../../platform/ai/language/language-model.ts';
import { missingRight, type RightsHolder } from '../../../platform/auth/rights.ts';
import { Semaphore } from '../../../platform/lib/semaphore.ts';
import { cleanText, shorten } from '../../../platform/lib/text.ts';
import { afterCommit, tenantKey } from '../../../platform/postgres/request-scope.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import { insertToolExecution } from '../../conversations/exports.ts';
import { type RunLease, withLease } from '../lease/run-lease.ts';
import type { RunServices } from '../services.ts';
import type { KnowledgeOutput } from '../tools/search-knowledge.ts';
import { type RunTool, rightsOfTool, type ToolOutcome } from '../tools/tool.ts';
import { cleanJson } from './clean-json.ts';
import type { Step } from './steps.ts';

/** Maximum size of a stored output, in characters of its JSON. */
const MAX_OUTPUT = 32_768;
const MAX_ERROR = 2_000;

export interface AvailableTools {
  /** By name. */
  tools: Map<string, RunTool>;
  /** The user or API key that started the run and on whose behalf it calls the tools. */
  starter: RightsHolder;
}

/** Executes the calls of a step that need no approval, with limited concurrency. Throws the signal's reason. */
export async function callTools(
  services: RunServices,
  lease: RunLease,
  step: Step,
  available: AvailableTools,
  signal: AbortSignal,
): Promise<void> {
  const slots = new Semaphore(lease.settings.maxParallelTools);
  const stop = new AbortController();
  const combined = AbortSignal.any([signal, stop.signal]);
  const due = step.calls.filter(({ status }) => status === 'PENDING' || status === 'RUNNING');
  const settled = await Promise.allSettled(
    due.map((call) =>
      slots
        .run(() => callTool(services, lease, step, call, available, combined), combined)
        .catch((error: unknown) => {
          // If a result cannot be stored, the lease is lost or the attempt fails, so the other calls stop too.
          stop.abort(error);
          throw error;
        }),
    ),
  );
  signal.throwIfAborted();
  const failed = settled.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

async function callTool(
  services: RunServices,
  lease: RunLease,
  step: Step,
  call: ToolCall,
  { tools, starter }: AvailableTools,
  signal: AbortSignal,
): Promise<void> {
  const { prisma } = services;
  const tool = tools.get(call.toolName);
  const key = tenantKey(call.id);
  // RUNNING at the start: the worker that executed it was lost.
  const interrupted = call.status === 'RUNNING' && !(tool?.repeatable && isSame(tool, call));
  if (interrupted) {
    const error = 'The worker stopped during this call. Whether the call took effect is not known: check before you repeat it.';
    await storeResult(services, lease, step, call, 'INTERRUPTED', { error }, call.startedAt ?? call.createdAt);
    return;
  }
  const startedAt = new Date();
  const refusal = refusalOf(call, tool, starter);
  if (!tool || refusal !== undefined) {
    await storeResult(services, lease, step, call, 'FAILED', { error: refusal ?? '' }, startedAt);
    return;
  }
  await withLease(services, lease, () =>
    prisma.toolCall.update({ where: key, data: { status: 'RUNNING', startedAt }, select: { id: true } }),
  );
  const outcome = await attempt(services, lease, tool, call, step, signal);
  const result = outcome.status === 'SUCCEEDED' ? outcome : { error: outcome.error, output: outcome.output };
  await storeResult(services, lease, step, call, outcome.status, result, startedAt);
}

/**
 * The error of a call that must not be executed. Between the request and the execution, an approval or a takeover may take long: the
 * name may then refer to another tool, which was not approved, and the agent may require approval that it did not require before.
 */
function refusalOf(call: ToolCall, tool: RunTool | undefined, starter: RightsHolder): string | undefined {
  // Invalid calls are recorded with their error.
  if (call.errorMessage !== null) return call.errorMessage;
  if (!tool) return `The tool ${call.toolName} does not exist. Use only the listed tools.`;
  if (!isSame(tool, call)) return `${call.toolName} was replaced by another tool after the call. Call it again.`;
  if (tool.approval && call.decidedAt === null) return `${call.toolName} now requires approval. Call it again.`;
  const missing = missingRight(starter, rightsOfTool(tool));
  if (missing) return `${call.toolName} takes ${missing}, which the user or API key that started the run does not have.`;
  return undefined;
}

function isSame({ source, mcpToolId }: RunTool, call: ToolCall): boolean {
  return source === call.source && (mcpToolId ?? null) === call.mcpToolId;
}

/** Throws the signal's reason. Returns any other error as the outcome. */
async function attempt(
  { log }: RunServices,
  lease: RunLease,
  tool: RunTool,
  call: ToolCall,
  { messageId }: Step,
  signal: AbortSignal,
): Promise<ToolOutcome> {
  const { toolTimeoutMs } = lease.settings;
  const done = new AbortController();
  const timeout = AbortSignal.timeout(toolTimeoutMs);
  const late = delay(toolTimeoutMs + 1_000, undefined, { signal: AbortSignal.any([signal, done.signal]) });
  const timedOut = (): ToolOutcome => ({
    status: 'TIMED_OUT',
    error: `${tool.name} did not answer within ${toolTimeoutMs / 1000} seconds.`,
  });
  try {
    // A tool that ignores its signal continues without effect on the run.
    return await Promise.race([
      tool.call(call.arguments as Record<string, unknown>, {
        signal: AbortSignal.any([signal, timeout]),
        messageId,
        approved: call.decidedAt !== null,
      }),
      late.then(timedOut),
    ]);
  } catch (error) {
    signal.throwIfAborted();
    if (timeout.aborted) return timedOut();
    log.error(
      { err: error, tenantId: call.tenantId, runId: call.runId, tool: tool.name },
      'tool call failed with an unexpected error',
    );
    return { status: 'FAILED', error: `${tool.name} failed unexpectedly.` };
  } finally {
    done.abort();
    late.catch(() => {});
  }
}

const RECORDED_STATUS: Partial<Record<ToolCallStatus, ExecutionStatus>> = { SUCCEEDED: 'SUCCESS', TIMED_OUT: 'TIMEOUT' };

async function storeResult(
  services: RunServices,
  lease: RunLease,
  step: Step,
  call: ToolCall,
  status: ToolOutcome['status'] | 'INTERRUPTED',
  { output, images, error }: { output?: unknown; images?: ToolImage[] | undefined; error?: string },
  startedAt: Date,
): Promise<void> {
  const { prisma } = services;
  const errorMessage = error === undefined ? null : shorten(cleanText(error), MAX_ERROR);
  const completedAt = new Date(Math.max(Date.now(), startedAt.getTime()));
  await withLease(services, lease, async () => {
    const numbered =
      status === 'SUCCEEDED' && call.source === 'KNOWLEDGE' ? await numberPassages(services, call, output) : output;
    const stored = bounded(numbered) as PrismaTypes.InputJsonValue | undefined;
    await prisma.toolCall.update({
      where: tenantKey(call.id),
      data: {
        status,
        errorMessage,
        completedAt,
        startedAt,
        ...(stored === undefined ? {} : { output: stored }),
        ...(images?.length ? { images: images as unknown as PrismaTypes.InputJsonArray } : {}),
      },
      select: { id: true },
    });
    await insertToolExecution(prisma, call.tenantId, {
      runId: call.runId,
      conversationId: lease.run.conversationId,
      messageId: step.messageId,
      agentId: lease.run.agentId,
      toolName: call.toolName,
      input: call.arguments as PrismaTypes.InputJsonObject,
      ...(stored === undefined ? {} : { output: stored }),
      status: RECORDED_STATUS[status] ?? 'ERROR',
      errorMessage,
      durationMs: completedAt.getTime() - startedAt.getTime(),
      startedAt,
      completedAt,
      metadata: { toolCallId: call.id },
    });
    const seconds = (completedAt.getTime() - startedAt.getTime()) / 1000;
    afterCommit(() => services.runMetrics.onToolCall({ source: call.source, outcome: status, seconds }));
  });
}

function bounded(output: unknown): unknown {
  if (output === undefined || output === null) return undefined;
  const clean = cleanJson(output);
  const text = JSON.stringify(clean);
  return text.length <= MAX_OUTPUT ? clean : shorten(typeof clean === 'string' ? clean : text, MAX_OUTPUT);
}

/** Numbers passages consecutively within the run, for citations. The lock on the run serializes concurrent searches. */
async function numberPassages({ database }: RunServices, { runId }: ToolCall, output: unknown): Promise<KnowledgeOutput> {
  const [before] = await queryRows<{ count: number }>(
    database,
    sql`SELECT coalesce(sum(jsonb_array_length(output -> 'hits')), 0)::integer AS count FROM tool_calls
      WHERE run_id = ${runId}::uuid AND source = 'KNOWLEDGE' AND status = 'SUCCEEDED' AND jsonb_typeof(output -> 'hits') = 'array'`,
  );
  const { hits } = output as KnowledgeOutput;
  return { hits: hits.map((hit, index) => ({ number: (before?.count ?? 0) + index + 1, ...hit })) };
}
