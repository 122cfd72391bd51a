import { builder } from '../../../platform/graphql/kit/builder.ts';
import { defineConnection } from '../../../platform/graphql/kit/connection.ts';
import { nodeLoader } from '../../../platform/graphql/kit/node-loader.ts';
import { dependsOn } from '../../../platform/graphql/kit/selection.ts';
import { formatDecimal } from '../../../platform/lib/format-decimal.ts';
import { tenantKey } from '../../../platform/postgres/tenant-key.ts';
import { ExecutionStatusEnum } from '../../conversations/exports.ts';
import { AgentRun, loadRun } from './run.ts';

const LlmCall = builder.prismaNode('LlmCall', {
  nullable: true,
  authScopes: { permission: 'conversation:read' },
  id: { resolve: ({ id }) => id },
  findUnique: tenantKey,
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    iteration: t.exposeInt('iteration'),
    provider: t.exposeString('provider'),
    model: t.exposeString('model'),
    prompt: t.expose('prompt', { type: 'JSONObject' }),
    response: t.expose('response', { type: 'JSONObject', nullable: true }),
    inputTokens: t.expose('inputTokens', { type: 'BigInt' }),
    outputTokens: t.expose('outputTokens', { type: 'BigInt' }),
    cachedTokens: t.expose('cachedTokens', { type: 'BigInt' }),
    costUsd: t.string({
      description: 'What it cost, in US dollars, as a decimal number.',
      extensions: dependsOn('costUsd'),
      resolve: ({ costUsd }) => formatDecimal(costUsd),
    }),
    latencyMs: t.exposeInt('latencyMs'),
    firstTokenMs: t.exposeInt('firstTokenMs', { nullable: true }),
    status: t.expose('status', { type: ExecutionStatusEnum }),
    errorCode: t.exposeString('errorCode', { nullable: true }),
    errorMessage: t.exposeString('errorMessage', { nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    run: t.field({
      type: AgentRun,
      nullable: true,
      description: 'The run it belongs to, if any.',
      extensions: dependsOn('runId'),
      resolve: ({ runId }, _args, context) => loadRun(context, runId),
    }),
  }),
});

nodeLoader<typeof LlmCall.$inferType>('LlmCall', 'llm_calls');

defineConnection({
  name: 'LlmCall',
  table: 'llm_calls',
  node: LlmCall,
  orders: {
    // Ids are UUIDv7: the order of ids is the order of time.
    OLDEST_FIRST: { column: 'id', type: 'uuid', direction: 'ASC' },
    NEWEST_FIRST: { column: 'id', type: 'uuid', direction: 'DESC' },
  },
}).onParent(AgentRun, 'llmCalls', {
  description: 'The calls of models it took, those that failed among them.',
  column: 'run_id',
  access: 'conversation:read',
});
