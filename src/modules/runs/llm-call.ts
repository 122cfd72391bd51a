import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import { Agent } from '../agents/exports.ts';
import { Conversation } from '../conversations/exports.ts';
import { AgentRun } from './agent-run.ts';

const LlmCall = entity('LlmCall', {
  table: 'llm_calls',
  access: 'conversation:read',
  noun: 'model call',
  columns: [
    'kind',
    'status',
    'iteration',
    'provider',
    'model',
    'prompt',
    'response',
    'inputTokens',
    'outputTokens',
    'cachedTokens',
    'costUsd',
    'estimated',
    'unpriced',
    'latencyMs',
    'firstTokenMs',
    'errorCode',
    'errorMessage',
  ],
  descriptions: { costUsd: 'Cost in US dollars, as an exact decimal number.' },
  references: { run: AgentRun, conversation: Conversation, agent: Agent },
  list: {
    orders: ['id', '-id'],
    filter: (f) => ({
      kind: f.anyOf('kind'),
      provider: f.is('provider'),
      model: f.is('model'),
      unpriced: f.is('unpriced'),
    }),
  },
  root: { many: { field: 'llmCalls', description: 'The model calls of the tenant: steps of runs, answers and embeddings.' } },
});

LlmCall.listOn(AgentRun, 'llmCalls', {
  column: 'runId',
  description: 'Model calls of the run, including failed ones.',
});
