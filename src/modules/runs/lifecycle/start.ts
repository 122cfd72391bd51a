import { isDeepStrictEqual } from 'node:util';
import type { AgentRun, Conversation, Message, Prisma as PrismaTypes, RunTrigger } from '../../../generated/prisma/client.ts';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import { ConflictError, InvalidStateError } from '../../../platform/lib/errors.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import { Agent } from '../../agents/exports.ts';
import { appendMessage, requireConversation } from '../../conversations/exports.ts';
import { publishRunChange } from '../lease/run-lease.ts';
import { lockConversation } from '../read.ts';
import type { RunControls } from '../services.ts';
import { MAX_WAITING } from '../settings.ts';
import { requestCancel } from './cancel.ts';
import { enqueueRun } from './enqueue.ts';

export interface SentMessage {
  message: Message;
  run: AgentRun;
  conversation: Conversation;
  /** The key had been used: this is what came of the first call. */
  repeated: boolean;
}

export interface MessageToSend {
  conversationId: string;
  content: string;
  /** Unique in the conversation. */
  idempotencyKey?: string | undefined;
  metadata?: Record<string, unknown> | undefined;
}

/** Appends a user's message and queues the run that answers it, inside the caller's transaction. */
export async function sendMessage(services: RunControls, viewer: Viewer, input: MessageToSend): Promise<SentMessage> {
  const { prisma, database } = services;
  const { agentId } = await requireConversation(prisma, input.conversationId, ['input', 'conversationId']);
  await lockConversation(database, input.conversationId);
  const sent = await appendMessage(services, viewer, { ...input, role: 'USER' });
  if (sent.repeated) {
    const run = await prisma.agentRun.findFirst({ where: { messageId: sent.message.id } });
    if (!run) {
      throw new ConflictError('This idempotency key was used for a message that was appended and not sent.', {
        path: ['input', 'idempotencyKey'],
      });
    }
    return { ...sent, run };
  }
  const agent = await requireActive(services, agentId, ['input', 'conversationId']);
  const run = await queueRun(services, viewer, agent, {
    trigger: 'MESSAGE',
    conversationId: input.conversationId,
    messageId: sent.message.id,
    input: { text: sent.message.content },
  });
  return { ...sent, run, conversation: await requireConversation(prisma, input.conversationId, []) };
}

export interface RunToStart {
  agentId: string;
  text: string;
  /** The run then answers there, and the text becomes a message of it. */
  conversationId?: string | undefined;
  /** Unique in the tenant. */
  idempotencyKey?: string | undefined;
  metadata?: Record<string, unknown> | undefined;
}

/** Queues a run, inside the caller's transaction. */
export async function startAgentRun(
  services: RunControls,
  viewer: Viewer,
  input: RunToStart,
): Promise<{ run: AgentRun; repeated: boolean }> {
  const { prisma, database } = services;
  const { agentId, conversationId, idempotencyKey, metadata } = input;
  const text = input.text.toWellFormed();
  if (idempotencyKey !== undefined) {
    // Two retries at once: the second waits here for the first, then finds its run.
    await queryRows(database, sql`SELECT pg_advisory_xact_lock(hashtextextended(${`${viewer.tenantId} ${idempotencyKey}`}, 0))`);
    const first = await prisma.agentRun.findFirst({ where: { idempotencyKey } });
    if (first) {
      const asked = [agentId, conversationId ?? null, { text }];
      if (!isDeepStrictEqual([first.agentId, first.conversationId, first.input], asked)) {
        throw new ConflictError('This idempotency key was used for another run.', { path: ['input', 'idempotencyKey'] });
      }
      return { run: first, repeated: true };
    }
  }
  const agent = await requireActive(services, agentId, ['input', 'agentId']);
  let messageId: string | undefined;
  if (conversationId !== undefined) {
    await requireConversation(prisma, conversationId, ['input', 'conversationId']);
    await lockConversation(database, conversationId);
    messageId = (await appendMessage(services, viewer, { conversationId, role: 'USER', content: text })).message.id;
  }
  const run = await queueRun(services, viewer, agent, {
    trigger: 'API',
    input: { text },
    conversationId,
    messageId,
    idempotencyKey,
    metadata,
  });
  return { run, repeated: false };
}

async function requireActive({ prisma }: RunControls, agentId: string, path: string[]): Promise<Agent> {
  const agent = await Agent.require(prisma, agentId, path);
  if (agent.status === 'ACTIVE') return agent;
  throw new InvalidStateError(`The agent is ${agent.status.toLowerCase()} and takes no work.`, { path });
}

interface NewRun {
  trigger: RunTrigger;
  input: { text: string };
  conversationId?: string | undefined;
  messageId?: string | undefined;
  idempotencyKey?: string | undefined;
  metadata?: Record<string, unknown> | undefined;
}

/** Every run that ends looks for the next one among those that wait. */
async function requirePlace({ prisma }: RunControls, conversationId: string | undefined): Promise<void> {
  if (conversationId === undefined) return;
  const waiting = await prisma.agentRun.count({ where: { conversationId, status: 'QUEUED' } });
  if (waiting < MAX_WAITING) return;
  throw new InvalidStateError(
    `${MAX_WAITING} messages of this conversation wait for an answer already. Wait, or cancel their runs.`,
    {
      path: ['input', 'conversationId'],
    },
  );
}

async function queueRun(services: RunControls, viewer: Viewer, agent: Agent, fields: NewRun): Promise<AgentRun> {
  const { prisma } = services;
  const { tenantId } = viewer;
  if (fields.conversationId !== undefined && agent.whenBusy === 'INTERRUPT') {
    const busy = await prisma.agentRun.findMany({
      where: { conversationId: fields.conversationId, status: { in: ['QUEUED', 'RUNNING', 'WAITING_APPROVAL'] } },
      select: { id: true },
    });
    for (const { id } of busy) await requestCancel(services, id);
  }
  await requirePlace(services, fields.conversationId);
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
