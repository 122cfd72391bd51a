import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionStatus, Prisma as PrismaTypes, ToolCall, ToolCallStatus } from '../../../generated/prisma/client.ts';
import { Semaphore } from '../../../platform/lib/semaphore.ts';
import { cleanText, shorten } from '../../../platform/lib/text.ts';
import { afterCommit } from '../../../platform/postgres/request-scope.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import { tenantKey } from '../../../platform/postgres/tenant-key.ts';
import { insertToolExecution } from '../../conversations/exports.ts';
import { type RunLease, withLease } from '../lease/run-lease.ts';
import type { RunServices } from '../services.ts';
import type { KnowledgeOutput } from '../tools/search-knowledge.ts';
import type { RunTool, ToolOutcome } from '../tools/tool.ts';
import { cleanJson } from './clean-json.ts';
import type { Step } from './steps.ts';

/** What is kept and told of an output, in characters of its JSON. */
const MAX_OUTPUT = 32_768;
const MAX_ERROR = 2_000;

/** Carries out the calls of a round that wait for nobody, some at a time. Throws the signal's reason. */
export async function callTools(
  services: RunServices,
  claim: RunLease,
  round: Step,
  tools: Map<string, RunTool>,
  signal: AbortSignal,
): Promise<void> {
  const slots = new Semaphore(claim.settings.maxParallelTools);
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const due = round.calls.filter(({ status }) => status === 'PENDING' || status === 'RUNNING');
  const ended = await Promise.allSettled(
    due.map((call) =>
      slots
        .run(() => callTool(services, claim, round, call, tools.get(call.toolName), either), either)
        .catch((error: unknown) => {
          // One that cannot be kept ends the others too: the run is somebody else's now, or is tried again.
          stop.abort(error);
          throw error;
        }),
    ),
  );
  signal.throwIfAborted();
  const failed = ended.find((end) => end.status === 'rejected');
  if (failed) throw failed.reason;
}

async function callTool(
  services: RunServices,
  claim: RunLease,
  round: Step,
  call: ToolCall,
  tool: RunTool | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { prisma } = services;
  const key = tenantKey(call.id);
  // Found at work by whoever took the run over from a worker that died.
  const interrupted = call.status === 'RUNNING' && !(tool?.repeatable && isSame(tool, call));
  if (interrupted) {
    const error =
      'The worker that ran this call was lost. Whether the call took effect is not known: find out before you make it again.';
    await keep(services, claim, round, call, 'INTERRUPTED', { error }, call.startedAt ?? call.createdAt);
    return;
  }
  const startedAt = new Date();
  const refusal = refusalOf(call, tool);
  if (!tool || refusal !== undefined) {
    await keep(services, claim, round, call, 'FAILED', { error: refusal ?? '' }, startedAt);
    return;
  }
  await withLease(services, claim, () =>
    prisma.toolCall.update({ where: key, data: { status: 'RUNNING', startedAt }, select: { id: true } }),
  );
  const outcome = await attempt(services, claim, tool, call, round, signal);
  const result = outcome.status === 'SUCCEEDED' ? { output: outcome.output } : { error: outcome.error, output: outcome.output };
  await keep(services, claim, round, call, outcome.status, result, startedAt);
}

/**
 * Why a call is not carried out. Since it was recorded people may have taken their time to decide, or another worker has taken over:
 * its name may mean another tool by now, which nobody has approved, and the agent may ask for approval that it did not ask for then.
 */
function refusalOf(call: ToolCall, tool: RunTool | undefined): string | undefined {
  // What is wrong with the call itself was said when it was recorded.
  if (call.errorMessage !== null) return call.errorMessage;
  if (!tool) return `There is no tool called ${call.toolName}. Use only the tools you were given.`;
  if (!isSame(tool, call)) return `${call.toolName} is another tool than when it was called. Call it again.`;
  if (tool.approval && call.decidedAt === null) return `${call.toolName} has come to need approval. Call it again.`;
  return undefined;
}

function isSame({ source, mcpToolId }: RunTool, call: ToolCall): boolean {
  return source === call.source && (mcpToolId ?? null) === call.mcpToolId;
}

/** Throws the signal's reason; whatever else goes wrong is the call's outcome. */
async function attempt(
  { log }: RunServices,
  claim: RunLease,
  tool: RunTool,
  call: ToolCall,
  { messageId }: Step,
  signal: AbortSignal,
): Promise<ToolOutcome> {
  const { toolTimeoutMs } = claim.settings;
  const done = new AbortController();
  const timeout = AbortSignal.timeout(toolTimeoutMs);
  const late = delay(toolTimeoutMs + 1_000, undefined, { signal: AbortSignal.any([signal, done.signal]) });
  const timedOut = (): ToolOutcome => ({
    status: 'TIMED_OUT',
    error: `${tool.name} did not answer within ${toolTimeoutMs / 1000} seconds.`,
  });
  try {
    // A tool that does not listen to its signal is left behind.
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
    log.error({ err: error, tenantId: call.tenantId, runId: call.runId, tool: tool.name }, 'a tool failed unexpectedly');
    return { status: 'FAILED', error: `${tool.name} failed unexpectedly.` };
  } finally {
    done.abort();
    late.catch(() => {});
  }
}

const RECORDED_STATUS: Partial<Record<ToolCallStatus, ExecutionStatus>> = { SUCCEEDED: 'SUCCESS', TIMED_OUT: 'TIMEOUT' };

async function keep(
  services: RunServices,
  claim: RunLease,
  round: Step,
  call: ToolCall,
  status: ToolOutcome['status'] | 'INTERRUPTED',
  { output, error }: { output?: unknown; error?: string },
  startedAt: Date,
): Promise<void> {
  const { prisma } = services;
  const errorMessage = error === undefined ? null : shorten(cleanText(error), MAX_ERROR);
  const completedAt = new Date(Math.max(Date.now(), startedAt.getTime()));
  await withLease(services, claim, async () => {
    const numbered = status === 'SUCCEEDED' && call.source === 'KNOWLEDGE' ? await number(services, call, output) : output;
    const kept = bounded(numbered) as PrismaTypes.InputJsonValue | undefined;
    await prisma.toolCall.update({
      where: tenantKey(call.id),
      data: { status, errorMessage, completedAt, startedAt, ...(kept === undefined ? {} : { output: kept }) },
      select: { id: true },
    });
    await insertToolExecution(prisma, call.tenantId, {
      runId: call.runId,
      conversationId: claim.run.conversationId,
      messageId: round.messageId,
      agentId: claim.run.agentId,
      toolName: call.toolName,
      input: call.arguments as PrismaTypes.InputJsonObject,
      ...(kept === undefined ? {} : { output: kept }),
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

/** Passages are numbered through a run, so that its answer can cite each. The run is locked: two searches do not count at once. */
async function number({ database }: RunServices, { runId }: ToolCall, output: unknown): Promise<KnowledgeOutput> {
  const [before] = await queryRows<{ count: number }>(
    database,
    sql`SELECT coalesce(sum(jsonb_array_length(output -> 'hits')), 0)::integer AS count FROM tool_calls
      WHERE run_id = ${runId}::uuid AND source = 'KNOWLEDGE' AND status = 'SUCCEEDED' AND jsonb_typeof(output -> 'hits') = 'array'`,
  );
  const { hits } = output as KnowledgeOutput;
  return { hits: hits.map((hit, index) => ({ number: (before?.count ?? 0) + index + 1, ...hit })) };
}
