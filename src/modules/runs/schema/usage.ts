import { builder } from '../../../platform/graphql/kit/builder.ts';
import { Agent } from '../../agents/exports.ts';
import { type AgentUsage, usageOf } from '../usage.ts';

const AgentUsageType = builder.objectRef<AgentUsage>('AgentUsage').implement({
  description: 'What the runs of an agent have taken so far, those under way among them.',
  fields: (t) => ({
    runs: t.exposeInt('runs', { description: 'How many there were.' }),
    inputTokens: t.expose('inputTokens', { type: 'BigInt', description: 'Tokens that models were given.' }),
    outputTokens: t.expose('outputTokens', { type: 'BigInt', description: 'Tokens that models wrote.' }),
    costUsd: t.exposeString('costUsd', { description: 'What they have cost, in US dollars, as a decimal number.' }),
  }),
});

builder.objectField(Agent, 'usage', (t) =>
  t.field({
    type: AgentUsageType,
    description: 'What its runs have taken so far.',
    authScopes: { permission: 'conversation:read' },
    complexity: 10,
    resolve: ({ id }, _args, { loaders, database }) =>
      loaders.get<AgentUsage>('usage:Agent', (ids) => usageOf(database, ids)).load(id),
  }),
);
