import { encodeGlobalId } from '../../src/graphql/global-id.ts';
import type { MutationCases } from './cases.ts';

const agent = (id: string) => encodeGlobalId('Agent', id);
const conversation = (id: string) => encodeGlobalId('Conversation', id);

const newAgent = { name: 'Support', provider: 'openai', model: 'gpt-5' };

export const agentsAndConversations: MutationCases = {
  createAgent: {
    payload: 'agent { id name slug version createdBy { email } }',
    refused: 'VIEWER',
    success: () => newAgent,
    badInput: () => ({ ...newAgent, temperature: 2.1 }),
    // A new agent refers to nothing that another tenant could own.
    otherTenant: undefined,
    audit: ['agent.created'],
  },
  updateAgent: {
    payload: 'agent { id name description }',
    refused: 'VIEWER',
    success: ({ agentId }) => ({ id: agent(agentId), name: 'Renamed', description: 'New' }),
    badInput: ({ agentId }) => ({ id: agent(agentId), slug: 'Not A Slug' }),
    otherTenant: (other) => ({ id: agent(other.agentId), name: 'Stolen' }),
    audit: ['agent.updated'],
  },
  archiveAgent: {
    payload: 'agent { status }',
    refused: 'VIEWER',
    success: ({ agentId }) => ({ id: agent(agentId) }),
    badInput: ({ conversationId }) => ({ id: conversation(conversationId) }),
    otherTenant: (other) => ({ id: agent(other.agentId) }),
    audit: ['agent.updated'],
  },
  restoreAgent: {
    payload: 'agent { status }',
    refused: 'VIEWER',
    prepare: async ({ agentId }, call) => {
      await call('archiveAgent', { id: agent(agentId) });
      return {};
    },
    success: ({ agentId }) => ({ id: agent(agentId) }),
    badInput: () => ({ id: 'no id' }),
    otherTenant: (other) => ({ id: agent(other.agentId) }),
    audit: ['agent.updated'],
  },
  publishAgentVersion: {
    payload: 'version { number snapshot publishedBy { email } agent { version } }',
    refused: 'VIEWER',
    success: ({ agentId }) => ({ agentId: agent(agentId), notes: 'First' }),
    badInput: ({ agentId }) => ({ agentId: agent(agentId), notes: 'x'.repeat(10_001) }),
    otherTenant: (other) => ({ agentId: agent(other.agentId) }),
    audit: ['agent_version.created'],
  },
  createConversation: {
    payload: 'conversation { id status lastEventSequence }',
    refused: 'VIEWER',
    success: ({ agentId }) => ({ agentId: agent(agentId), title: 'Help', context: { locale: 'de' } }),
    badInput: ({ agentId }) => ({ agentId: agent(agentId), title: 'x'.repeat(501) }),
    otherTenant: (other) => ({ agentId: agent(other.agentId) }),
    audit: ['conversation.created'],
  },
  updateConversation: {
    payload: 'conversation { title }',
    refused: 'VIEWER',
    success: ({ conversationId }) => ({ id: conversation(conversationId), title: 'Other' }),
    badInput: ({ conversationId }) => ({ id: conversation(conversationId), title: 'x'.repeat(501) }),
    otherTenant: (other) => ({ id: conversation(other.conversationId), title: 'Stolen' }),
    audit: ['conversation.updated'],
  },
  completeConversation: {
    payload: 'conversation { status completedAt }',
    refused: 'VIEWER',
    success: ({ conversationId }) => ({ id: conversation(conversationId), outcome: 'COMPLETED' }),
    badInput: ({ agentId }) => ({ id: agent(agentId) }),
    otherTenant: (other) => ({ id: conversation(other.conversationId) }),
    audit: ['conversation.updated'],
  },
  appendMessage: {
    payload: 'appendedMessage { sequence role content tokenCount } conversation { messageCount } repeated',
    refused: 'VIEWER',
    success: ({ conversationId }) => ({
      conversationId: conversation(conversationId),
      role: 'USER',
      content: 'Hello',
      tokenCount: 2,
    }),
    badInput: ({ conversationId }) => ({ conversationId: conversation(conversationId), role: 'USER', content: '' }),
    otherTenant: (other) => ({ conversationId: conversation(other.conversationId), role: 'USER', content: 'Stolen' }),
    audit: ['message.created'],
  },
  recordToolExecution: {
    payload: 'toolExecution { toolName status message { sequence } }',
    refused: 'VIEWER',
    success: ({ messageIds }) => ({
      messageId: encodeGlobalId('Message', messageIds[0]),
      toolName: 'search',
      input: { query: 'x' },
      output: ['y'],
      status: 'SUCCESS',
      durationMs: 12,
    }),
    badInput: ({ conversationId }) => ({
      conversationId: conversation(conversationId),
      toolName: 'search',
      status: 'SUCCESS',
      startedAt: '2026-01-02T00:00:00Z',
      completedAt: '2026-01-01T00:00:00Z',
    }),
    otherTenant: (other) => ({ conversationId: conversation(other.conversationId), toolName: 'search', status: 'SUCCESS' }),
    audit: ['tool_execution.created'],
  },
};
