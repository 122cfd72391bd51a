import type { AgentRun, ToolCall } from '../../../generated/prisma/client.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { cleanText } from '../../../platform/lib/text.ts';
import { afterCommit, tenantKey } from '../../../platform/postgres/request-scope.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import { insertToolExecution, removeDraft } from '../../conversations/exports.ts';
import { publishRunChange } from '../lease/run-lease.ts';
import { isOpen, readSteps, toolResultOf } from '../loop/steps.ts';
import type { RunControls } from '../services.ts';
import { startNextQueued } from './run-queue.ts';
import { takesMessages, writeRunMessage } from './write-message.ts';

export type Ending =
  | { status: 'COMPLETED'; output: { text: string } }
  | { status: 'FAILED'; code: string; message: string }
  | { status: 'CANCELLED' };

/**
 * Ends a run, in a transaction that has locked its conversation and the run: cancels open tool calls, stores the draft as a partial
 * message, and enqueues the next run of the conversation.
 */
export async function finishRun(services: RunControls, run: AgentRun, ending: Ending): Promise<void> {
  const { database, prisma, runMetrics } = services;
  if (ending.status !== 'COMPLETED') await closeOpenWork(services, run);
  // The database clock, like the other times of the run.
  const completedAt = (await queryRows<{ now: Date }>(database, sql`SELECT clock_timestamp() AS now`))[0]?.now ?? new Date();
  await prisma.agentRun.update({
    where: tenantKey(run.id),
    data: {
      status: ending.status,
      leaseOwner: null,
      leaseExpiresAt: null,
      ...(ending.status === 'COMPLETED' ? { output: ending.output } : {}),
      ...(ending.status === 'FAILED' ? { errorCode: ending.code, errorMessage: cleanText(ending.message.slice(0, 2000)) } : {}),
      completedAt,
    },
    select: { id: true },
  });
  const seconds = (completedAt.getTime() - run.createdAt.getTime()) / 1000;
  afterCommit(() => runMetrics.onRun({ status: ending.status, seconds }));
  await publishRunChange(services, run);
  await startNextQueued(services, run);
}

async function closeOpenWork(services: RunControls, run: AgentRun): Promise<void> {
  const { prisma } = services;
  const accepts = await takesMessages(services, run);
  const open = await prisma.toolCall.findMany({
    where: { runId: run.id, status: { in: ['PENDING', 'WAITING_APPROVAL', 'RUNNING'] } },
    orderBy: { position: 'asc' },
  });
  for (const call of open) await cancelCall(services, run, call);
  const last = (await readSteps(services, run)).at(-1);
  if (accepts && last && last.calls.length > 0 && !last.reported && last.messageId !== null && !last.calls.some(isOpen)) {
    await writeRunMessage(services, run, {
      id: newId(),
      role: 'TOOL',
      content: '',
      toolResults: last.calls.map(toolResultOf),
      parentMessageId: last.messageId,
    });
  }
  if (run.conversationId === null) return;
  const draft = await prisma.messageDraft.findFirst({ where: { runId: run.id } });
  if (!draft) return;
  await removeDraft(services.database, run.conversationId);
  if (accepts && draft.content.trim() !== '') {
    await writeRunMessage(services, run, {
      id: draft.id,
      role: 'ASSISTANT',
      content: draft.content,
      parentMessageId: run.messageId,
      metadata: { partial: true },
    });
  }
}

async function cancelCall({ prisma, runMetrics }: RunControls, run: AgentRun, call: ToolCall): Promise<void> {
  const now = new Date();
  await prisma.toolCall.update({
    where: tenantKey(call.id),
    data: { status: 'CANCELLED', completedAt: now, errorMessage: 'The run ended before the call.' },
    select: { id: true },
  });
  if (call.status !== 'RUNNING') return;
  const startedAt = call.startedAt ?? call.createdAt;
  const seconds = Math.max(0, now.getTime() - startedAt.getTime()) / 1000;
  afterCommit(() => runMetrics.onToolCall({ source: call.source, outcome: 'CANCELLED', seconds }));
  await insertToolExecution(prisma, run.tenantId, {
    runId: run.id,
    conversationId: run.conversationId,
    agentId: run.agentId,
    toolName: call.toolName,
    input: call.arguments as object,
    status: 'ERROR',
    errorMessage: 'The run ended during the call.',
    startedAt,
    completedAt: now > startedAt ? now : startedAt,
    metadata: { toolCallId: call.id },
  });
}
