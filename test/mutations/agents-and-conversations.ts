import { encodeGlobalId } from '../../src/platform/graphql/kit/global-id.ts';
import type { MutationCases } from './cases.ts';

const agent = (id: string) => encodeGlobalId('Agent', id);
const conversation = (id: string) => encodeGlobalId('Conversation', id);

const newAgent = { name: 'Support', provider: 'openai', model: 'gpt-5' };

export const agentsAndConversations: MutationCases = {
  createAgent: {
    payload: 'agent { id name slug version createdBy { email } }',
    success: () => newAgent,
    badInput: () => ({ ...newAgent, temperature: 2.1 }),
    audit: ['agent.created'],
  },
  updateAgent: {
    payload: 'agent { id name description }',
    success: async ({ anyId }) => ({ id: agent(await anyId('agents')), name: 'Renamed', description: 'New' }),
    badInput: async ({ anyId }) => ({ id: agent(await anyId('agents')), slug: 'Not A Slug' }),
    audit: ['agent.updated'],
  },
  archiveAgent: {
    payload: 'agent { status }',
    success: async ({ anyId }) => ({ id: agent(await anyId('agents')) }),
    audit: ['agent.updated'],
  },
  restoreAgent: {
    payload: 'agent { status }',
    prepare: async ({ anyId }, call) => {
      await call('archiveAgent', { id: agent(await anyId('agents')) });
      return {};
    },
    success: async ({ anyId }) => ({ id: agent(await anyId('agents')) }),
    audit: ['agent.updated'],
  },
  publishAgentVersion: {
    payload: 'version { number snapshot publishedBy { email } agent { version } }',
    success: async ({ anyId }) => ({ agentId: agent(await anyId('agents')), notes: 'First' }),
    badInput: async ({ anyId }) => ({ agentId: agent(await anyId('agents')), notes: 'x'.repeat(10_001) }),
    audit: ['agent_version.created'],
  },
  createConversation: {
    payload: 'conversation { id status lastEventSequence }',
    success: async ({ anyId }) => ({ agentId: agent(await anyId('agents')), title: 'Help', context: { locale: 'de' } }),
    badInput: async ({ anyId }) => ({ agentId: agent(await anyId('agents')), title: 'x'.repeat(501) }),
    audit: ['conversation.created'],
  },
  updateConversation: {
    payload: 'conversation { title }',
    success: async ({ anyId }) => ({ id: conversation(await anyId('conversations')), title: 'Other' }),
    badInput: async ({ anyId }) => ({ id: conversation(await anyId('conversations')), title: 'x'.repeat(501) }),
    audit: ['conversation.updated'],
  },
  completeConversation: {
    payload: 'conversation { status completedAt }',
    success: async ({ anyId }) => ({ id: conversation(await anyId('conversations')), outcome: 'COMPLETED' }),
    audit: ['conversation.updated'],
  },
  appendMessage: {
    payload: 'appendedMessage { sequence role content tokenCount } conversation { messageCount } repeated',
    success: async ({ anyId }) => ({
      conversationId: conversation(await anyId('conversations')),
      role: 'USER',
      content: 'Hello',
      tokenCount: 2,
    }),
    badInput: async ({ anyId }) => ({ conversationId: conversation(await anyId('conversations')), role: 'USER', content: '' }),
    audit: ['message.created'],
  },
  recordToolExecution: {
    payload: 'toolExecution { toolName status message { sequence } }',
    success: async ({ anyId }) => ({
      messageId: encodeGlobalId('Message', await anyId('messages')),
      toolName: 'search',
      input: { query: 'x' },
      output: ['y'],
      status: 'SUCCESS',
      durationMs: 12,
    }),
    badInput: async ({ anyId }) => ({
      conversationId: conversation(await anyId('conversations')),
      toolName: 'search',
      status: 'SUCCESS',
      startedAt: '2026-01-02T00:00:00Z',
      completedAt: '2026-01-01T00:00:00Z',
    }),
    otherTenant: async (other) => ({
      conversationId: conversation(await other.anyId('conversations')),
      toolName: 'search',
      status: 'SUCCESS',
    }),
    audit: ['tool_execution.created'],
  },
};
