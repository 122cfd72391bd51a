import { isDeepStrictEqual } from 'node:util';
import { requireRights } from '../../../platform/auth/rights.ts';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { nodeId } from '../../../platform/graphql/kit/entity/node-id.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { jsonObjectRule } from '../../../platform/graphql/kit/rules.ts';
import { ConflictError } from '../../../platform/lib/errors.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import { appendMessage, Conversation } from '../../conversations/exports.ts';
import { AgentRun } from '../agent-run.ts';
import { lockConversation } from '../lease/locks.ts';
import type { RunControls } from '../services.ts';
import { idempotencyKeyRule, promptRule, queueRun, requireActiveAgent } from './queue-run.ts';

export interface RunToStart {
  agentId: string;
  text: string;
  /** The conversation that receives the text and the answer as messages. */
  conversationId?: string | undefined;
  /** Unique in the tenant. */
  idempotencyKey?: string | undefined;
  metadata?: Record<string, unknown> | undefined;
}

interface StartedRun {
  run: AgentRun;
  /** Whether the idempotency key was used before: this is the result of the first call. */
  repeated: boolean;
}

/** Queues a run, inside the caller's transaction. Throws NotFoundError, ConflictError and InvalidStateError. */
export async function startAgentRun(services: RunControls, viewer: Viewer, input: RunToStart): Promise<StartedRun> {
  const { prisma, database } = services;
  const { agentId, conversationId, idempotencyKey, metadata } = input;
  const text = input.text.toWellFormed();
  if (idempotencyKey !== undefined) {
    // Of two concurrent retries, the second waits here for the commit of the first, then finds its run.
    await queryRows(database, sql`SELECT pg_advisory_xact_lock(hashtextextended(${`${viewer.tenantId} ${idempotencyKey}`}, 0))`);
    const first = await prisma.agentRun.findFirst({ where: { idempotencyKey } });
    if (first) {
      const requested = [agentId, conversationId ?? null, { text }];
      if (!isDeepStrictEqual([first.agentId, first.conversationId, first.input], requested)) {
        throw new ConflictError('This idempotency key was used for another run.', { path: ['input', 'idempotencyKey'] });
      }
      return { run: first, repeated: true };
    }
  }
  const agent = await requireActiveAgent(services, agentId, ['input', 'agentId']);
  let messageId: string | undefined;
  if (conversationId !== undefined) {
    requireRights(viewer, { permissions: ['conversation:write'] }, 'start a run in a conversation');
    await Conversation.require(prisma, conversationId, ['input', 'conversationId']);
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

const RunInput = builder.inputType('RunInput', {
  description: 'Input of a run.',
  fields: (t) => ({ text: t.string({ required: true, description: 'Text of the task, at most 1 MiB.', validate: promptRule }) }),
});

mutation('startAgentRun', {
  description: 'Starts a run of an agent, in a conversation or without one.',
  access: 'agent:execute',
  input: (t) => ({
    agentId: nodeId(t, 'Agent', { required: true, description: 'The agent, which must be ACTIVE.' }),
    input: t.field({ type: RunInput, required: true, description: 'Input of the run.' }),
    conversationId: nodeId(t, 'Conversation', {
      description:
        'The conversation that receives the text and the answer as messages. Without one, only `AgentRun.output` holds the answer.',
    }),
    idempotencyKey: t.string({
      description: 'Key of this call, unique in the tenant: a retry with the same key returns the first run.',
      validate: idempotencyKeyRule,
    }),
    metadata: t.field({
      type: 'JSONObject',
      description: 'Application data of the run, a JSON object. The server does not interpret it.',
      validate: jsonObjectRule,
    }),
  }),
  payload: builder.objectRef<StartedRun>('StartAgentRunPayload').implement({
    description: 'The queued run.',
    fields: (t) => ({
      run: t.field({ type: AgentRun, description: 'The run, in its state after the call.', resolve: ({ run }) => run }),
      repeated: t.exposeBoolean('repeated', {
        description: 'Whether the idempotency key was used before, so that this is the result of the first call.',
      }),
    }),
  }),
  resolve: ({ agentId, input, conversationId, idempotencyKey, metadata }, context) =>
    startAgentRun(context, context.viewer, {
      agentId,
      text: input.text,
      conversationId: conversationId ?? undefined,
      idempotencyKey: idempotencyKey ?? undefined,
      metadata: metadata ?? undefined,
    }),
});
