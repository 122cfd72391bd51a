import { encodeGlobalId } from '../../src/platform/graphql/kit/global-id.ts';
import { testDatabase } from '../testkit/database.ts';
import type { TestTenant } from '../testkit/tenants.ts';
import type { MutationCases } from './cases.ts';

const agent = (id: string) => encodeGlobalId('Agent', id);
const conversation = (id: string) => encodeGlobalId('Conversation', id);
const run = (id: string) => encodeGlobalId('AgentRun', id);
const call = (id: string) => encodeGlobalId('ToolCall', id);

const price = { provider: 'openai', model: 'gpt-5', inputPerMillionUsd: '1.25', outputPerMillionUsd: '10' };

/** Sets the tenant's tool call to WAITING_APPROVAL. */
async function requireApproval({ anyId }: TestTenant): Promise<Record<string, string>> {
  const { ownerQuery } = await testDatabase();
  await ownerQuery("UPDATE tool_calls SET status = 'WAITING_APPROVAL' WHERE id = $1", [await anyId('tool_calls')]);
  return {};
}

/** Promotes the tenant's owner to platform administrator. */
async function promoteOwner({ owner }: TestTenant): Promise<Record<string, string>> {
  const { ownerQuery } = await testDatabase();
  await ownerQuery('UPDATE users SET is_platform_admin = true WHERE id = $1', [owner.userId]);
  return {};
}

export const runs: MutationCases = {
  sendMessage: {
    payload:
      'sentMessage { sequence role content } run { id status trigger message { content } } conversation { messageCount } repeated',
    success: async ({ anyId }) => ({
      conversationId: conversation(await anyId('conversations')),
      content: 'Hello',
      metadata: { from: 'web' },
    }),
    badInput: async ({ anyId }) => ({ conversationId: conversation(await anyId('conversations')), content: '  ' }),
    audit: ['message.created', 'agent_run.created'],
  },
  startAgentRun: {
    payload: 'run { id status trigger input agent { name } } repeated',
    success: async ({ anyId }) => ({ agentId: agent(await anyId('agents')), input: { text: 'Tidy up' } }),
    badInput: async ({ anyId }) => ({ agentId: agent(await anyId('agents')), input: { text: '' } }),
    audit: ['agent_run.created'],
  },
  cancelAgentRun: {
    payload: 'run { status completedAt }',
    prepare: async ({ anyId }) => ({ callId: await anyId('tool_calls') }),
    success: async ({ anyId }) => ({ id: run(await anyId('agent_runs')) }),
    audit: ['agent_run.updated', 'tool_call.updated'],
  },
  approveToolCall: {
    payload: 'toolCall { status decidedAt decidedBy { email } } run { status }',
    prepare: requireApproval,
    success: async ({ anyId }) => ({ id: call(await anyId('tool_calls')), reason: 'Fine' }),
    badInput: async ({ anyId }) => ({ id: call(await anyId('tool_calls')), reason: 'x'.repeat(2_001) }),
    audit: ['tool_call.updated'],
  },
  rejectToolCall: {
    payload: 'toolCall { status decisionReason } run { status }',
    prepare: requireApproval,
    success: async ({ anyId }) => ({ id: call(await anyId('tool_calls')), reason: 'Too dear' }),
    audit: ['tool_call.updated'],
  },
  setModelPrice: {
    refused: 'ADMIN',
    payload: 'price { provider model inputPerMillionUsd outputPerMillionUsd cachedInputPerMillionUsd }',
    prepare: promoteOwner,
    success: () => ({ ...price, model: `gpt-${Math.random()}` }),
    badInput: () => ({ ...price, inputPerMillionUsd: 'much' }),
    audit: ['model_price.created'],
  },
  removeModelPrice: {
    refused: 'ADMIN',
    isGlobal: true,
    payload: 'price { model }',
    prepare: async (tenant, change) => {
      await promoteOwner(tenant);
      const { data } = await change('setModelPrice', { ...price, model: `gpt-${Math.random()}` });
      const { model } = (data as { result: { price: { model: string } } }).result.price;
      const { ownerQuery } = await testDatabase();
      const [{ id }] = (await ownerQuery<{ id: string }>('SELECT id FROM model_prices WHERE model = $1', [model])) as [
        { id: string },
      ];
      return { id };
    },
    success: (_tenant, { id }) => ({ id }),
    badInput: async ({ anyId }) => ({ id: agent(await anyId('agents')) }),
    audit: ['model_price.deleted'],
  },
};
