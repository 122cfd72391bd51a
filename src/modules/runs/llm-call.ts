import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import { AgentRun } from './agent-run.ts';

const LlmCall = entity('LlmCall', {
  table: 'llm_calls',
  noun: 'model call',
  access: 'conversation:read',
  columns: [
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
    'latencyMs',
    'firstTokenMs',
    'errorCode',
    'errorMessage',
  ],
  descriptions: { costUsd: 'Cost in US dollars, as a decimal number.' },
  references: { run: AgentRun },
  list: { orders: ['id', '-id'] },
});

LlmCall.listOn(AgentRun, 'llmCalls', {
  column: 'runId',
  description: 'Model calls of the run, including failed ones.',
});
