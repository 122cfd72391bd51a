import { z } from 'zod';
import type { Prisma as PrismaTypes, RunTrigger } from '../../../generated/prisma/client.ts';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import { textRule } from '../../../platform/graphql/kit/rules.ts';
import { InvalidStateError } from '../../../platform/lib/errors.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { Agent } from '../../agents/exports.ts';
import { CONTENT_TOO_LARGE, fitsContent } from '../../conversations/exports.ts';
import type { AgentRun } from '../agent-run.ts';
import { publishRunChange } from '../lease/run-lease.ts';
import type { RunControls } from '../services.ts';
import { MAX_WAITING } from '../settings.ts';
import { requestCancel } from './cancel-run.ts';
import { enqueueRun } from './run-queue.ts';

/** Rules of the inputs that start a run. */
export const promptRule = z.string().regex(/\S/, 'Must not be empty.').refine(fitsContent, CONTENT_TOO_LARGE);
export const idempotencyKeyRule = textRule(255).min(1);

/** Throws NotFoundError and InvalidStateError. */
export async function requireActiveAgent({ prisma }: RunControls, agentId: string, path: string[]): Promise<Agent> {
  const agent = await Agent.require(prisma, agentId, path);
  if (agent.status === 'ACTIVE') return agent;
  throw new InvalidStateError(`The agent is ${agent.status}. Only an ACTIVE agent can run.`, { path });
}

export interface NewRun {
  trigger: RunTrigger;
  input: { text: string };
  conversationId?: string | undefined;
  messageId?: string | undefined;
  idempotencyKey?: string | undefined;
  metadata?: Record<string, unknown> | undefined;
}

/** Creates a run and enqueues it, inside the caller's transaction, which has the conversation locked. Throws InvalidStateError. */
export async function queueRun(services: RunControls, viewer: Viewer, agent: Agent, fields: NewRun): Promise<AgentRun> {
  const { prisma } = services;
  const { tenantId } = viewer;
  if (fields.conversationId !== undefined && agent.whenBusy === 'INTERRUPT') {
    const busy = await prisma.agentRun.findMany({
      where: { conversationId: fields.conversationId, status: { in: ['QUEUED', 'RUNNING', 'WAITING_APPROVAL'] } },
      select: { id: true },
    });
    for (const { id } of busy) await requestCancel(services, id);
  }
  await requireRoomInQueue(services, fields.conversationId);
  const { input, metadata, ...columns } = fields;
  const run = await prisma.agentRun.create({
    data: {
      ...columns,
      tenantId,
      id: newId(),
      agentId: agent.id,
      input,
      metadata: metadata as PrismaTypes.InputJsonValue | undefined,
      userId: viewer.userId ?? null,
      apiKeyId: viewer.apiKeyId ?? null,
    },
  });
  await publishRunChange(services, run);
  await enqueueRun(services, run);
  return run;
}

/** Each run that ends searches the queued ones for the next: the limit bounds that search. */
async function requireRoomInQueue({ prisma }: RunControls, conversationId: string | undefined): Promise<void> {
  if (conversationId === undefined) return;
  const waiting = await prisma.agentRun.count({ where: { conversationId, status: 'QUEUED' } });
  if (waiting < MAX_WAITING) return;
  const message = `${MAX_WAITING} messages of this conversation wait for an answer already. Wait, or cancel their runs.`;
  throw new InvalidStateError(message, { path: ['input', 'conversationId'] });
}
