import { encodeGlobalId } from '../../src/graphql/global-id.ts';
import { testDatabase } from '../testkit/database.ts';
import type { PopulatedTenant } from '../testkit/tenants.ts';
import type { MutationCases } from './cases.ts';

const agent = (id: string) => encodeGlobalId('Agent', id);
const conversation = (id: string) => encodeGlobalId('Conversation', id);
const run = (id: string) => encodeGlobalId('AgentRun', id);
const call = (id: string) => encodeGlobalId('ToolCall', id);

const price = { provider: 'openai', model: 'gpt-5', inputPerMillionUsd: '1.25', outputPerMillionUsd: '10' };

/** The tenant's tool call, which waits for somebody to decide. */
async function waitingCall({ toolCallId }: PopulatedTenant): Promise<Record<string, string>> {
  const { ownerQuery } = await testDatabase();
  await ownerQuery("UPDATE tool_calls SET status = 'WAITING_APPROVAL' WHERE id = $1", [toolCallId]);
  return {};
}

/** The tenant's owner runs the platform, too. */
async function promoteOwner({ owner }: PopulatedTenant): Promise<Record<string, string>> {
  const { ownerQuery } = await testDatabase();
  await ownerQuery('UPDATE users SET is_platform_admin = true WHERE id = $1', [owner.userId]);
  return {};
}

export const runs: MutationCases = {
  sendMessage: {
    payload:
      'sentMessage { sequence role content } run { id status trigger message { content } } conversation { messageCount } repeated',
    refused: 'VIEWER',
    success: ({ conversationId }) => ({
      conversationId: conversation(conversationId),
      content: 'Hello',
      metadata: { from: 'web' },
    }),
    badInput: ({ conversationId }) => ({ conversationId: conversation(conversationId), content: '  ' }),
    otherTenant: (other) => ({ conversationId: conversation(other.conversationId), content: 'Stolen' }),
    audit: ['message.created', 'agent_run.created'],
  },
  startAgentRun: {
    payload: 'run { id status trigger input agent { name } } repeated',
    refused: 'VIEWER',
    success: ({ agentId }) => ({ agentId: agent(agentId), input: { text: 'Tidy up' } }),
    badInput: ({ agentId }) => ({ agentId: agent(agentId), input: { text: '' } }),
    otherTenant: (other) => ({ agentId: agent(other.agentId), input: { text: 'Stolen' } }),
    audit: ['agent_run.created'],
  },
  cancelAgentRun: {
    payload: 'run { status completedAt }',
    refused: 'VIEWER',
    success: ({ agentRunId }) => ({ id: run(agentRunId) }),
    badInput: ({ agentId }) => ({ id: agent(agentId) }),
    otherTenant: (other) => ({ id: run(other.agentRunId) }),
    audit: ['agent_run.updated', 'tool_call.updated'],
  },
  approveToolCall: {
    payload: 'toolCall { status decidedAt decidedBy { email } } run { status }',
    refused: 'VIEWER',
    prepare: waitingCall,
    success: ({ toolCallId }) => ({ id: call(toolCallId), reason: 'Fine' }),
    badInput: ({ toolCallId }) => ({ id: call(toolCallId), reason: 'x'.repeat(2_001) }),
    otherTenant: (other) => ({ id: call(other.toolCallId) }),
    audit: ['tool_call.updated'],
  },
  rejectToolCall: {
    payload: 'toolCall { status decisionReason } run { status }',
    refused: 'VIEWER',
    prepare: waitingCall,
    success: ({ toolCallId }) => ({ id: call(toolCallId), reason: 'Too dear' }),
    badInput: ({ agentRunId }) => ({ id: run(agentRunId) }),
    otherTenant: (other) => ({ id: call(other.toolCallId) }),
    audit: ['tool_call.updated'],
  },
  setModelPrice: {
    payload: 'price { provider model inputPerMillionUsd outputPerMillionUsd cachedInputPerMillionUsd }',
    refused: 'ADMIN',
    prepare: promoteOwner,
    success: () => ({ ...price, model: `gpt-${Math.random()}` }),
    badInput: () => ({ ...price, inputPerMillionUsd: 'much' }),
    // Prices are nobody's.
    otherTenant: undefined,
    audit: ['model_price.created'],
  },
  removeModelPrice: {
    payload: 'price { model }',
    refused: 'ADMIN',
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
    badInput: ({ agentId }) => ({ id: agent(agentId) }),
    otherTenant: undefined,
    audit: ['model_price.deleted'],
  },
};
