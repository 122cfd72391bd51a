import { z } from 'zod';
import { AgentKind, AgentStatus, BusyPolicy } from '../../generated/prisma/enums.ts';
import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { ColumnInputs } from '../../platform/graphql/kit/entity/entity-mutations.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { enumOf } from '../../platform/graphql/kit/enums.ts';
import { intRule, jsonArrayRule, jsonObjectRule, nameRule, slugRule, textRule } from '../../platform/graphql/kit/rules.ts';
import { InvalidStateError } from '../../platform/lib/errors.ts';
import { User } from '../tenancy/exports.ts';
import { checkTools, TOOLS_DESCRIPTION } from './tool-references.ts';

enumOf(
  'AgentKind',
  AgentKind,
  'What an agent is: ASSISTANT talks, BROWSER drives a browser, BACKGROUND works without a conversation.',
);
enumOf(
  'AgentStatus',
  AgentStatus,
  'ACTIVE agents take conversations, INACTIVE ones are paused, ARCHIVED ones are put away until restored.',
);
enumOf(
  'BusyPolicy',
  BusyPolicy,
  'What a message does to a conversation whose agent is at work: QUEUE waits for it, INTERRUPT stops it.',
);

export type Agent = RowOf<'Agent'>;
export const Agent = entity('Agent', {
  table: 'agents',
  access: 'agent:read',
  write: 'agent:configure',
  columns: [
    'name',
    'slug',
    'description',
    'kind',
    'provider',
    'model',
    'temperature',
    'maxTokens',
    'systemPrompt',
    'timeoutMs',
    'maxIterations',
    'maxRunTokens',
    'whenBusy',
    'memoryEnabled',
    'status',
    'version',
    'tags',
    'config',
    'metadata',
  ],
  references: {
    createdBy: { to: User, description: 'Who made the agent. Null once they have left the tenant.' },
  },
  fields: (t) => ({
    capabilities: t.stringList({ description: 'What the agent can do.', resolve: (agent) => agent.capabilities as string[] }),
    tools: t.field({ type: ['JSONObject'], description: TOOLS_DESCRIPTION, resolve: (agent) => agent.tools as unknown[] }),
  }),
  list: {
    orders: ['-createdAt', 'createdAt', '-updatedAt', 'name', '-name'],
    filter: (f) => ({
      status: f.anyOf('status', 'In one of these states.'),
      kind: f.anyOf('kind', 'Of one of these kinds.'),
      tags: f.containsAll('tags', 'With all of these tags.'),
      search: f.containsText(['name', 'slug'], 'Whose name or slug contains this, without regard to case.'),
    }),
  },
  root: { one: 'agent', many: 'agents' },
});

export function requireNotArchived({ status }: { status: AgentStatus }, path: string[]): void {
  if (status === 'ARCHIVED') throw new InvalidStateError('The agent is archived. Restore it first.', { path });
}

/** Input fields that createAgent and updateAgent share. */
const settings: ColumnInputs<'Agent'> = {
  slug: {
    description: 'Name for URLs, unique in the tenant. Made of the name when a new agent says nothing.',
    validate: slugRule,
  },
  description: { description: 'What the agent is for.', validate: textRule(10_000) },
  kind: { description: 'What the agent is.' },
  temperature: {
    description: 'Sampling temperature, 0 to 2.',
    validate: z.number().min(0, 'Must be at least 0.').max(2, 'Must be at most 2.'),
  },
  maxTokens: { description: 'Most tokens of one answer.', validate: intRule(1, 10_000_000) },
  systemPrompt: { description: 'The instructions the model is given.', validate: textRule(100_000) },
  capabilities: { type: ['String'], description: 'What the agent can do.', validate: z.array(textRule(100)).max(100) },
  tools: { type: ['JSONObject'], description: TOOLS_DESCRIPTION, validate: jsonArrayRule },
  timeoutMs: { description: 'Longest time of one run, in milliseconds.', validate: intRule(1, 86_400_000) },
  maxIterations: { description: 'Most rounds of model and tools in one run.', validate: intRule(1, 1000) },
  maxRunTokens: {
    type: 'NonNegativeInt',
    description: 'Most tokens of one run, input and output together. Null for no limit.',
    validate: intRule(1, Number.MAX_SAFE_INTEGER),
  },
  whenBusy: {
    description: 'What a message does to a conversation whose agent is at work. QUEUE when a new agent says nothing.',
  },
  memoryEnabled: { description: 'Whether earlier conversations are remembered.' },
  tags: {
    description: 'Labels to filter by, at most 50.',
    validate: z.array(textRule(100).min(1)).max(50, 'Must have at most 50 items.'),
  },
  config: { description: 'Settings of the runtime.', validate: jsonObjectRule },
  metadata: { description: 'Your own data.', validate: jsonObjectRule },
};

export const createAgent = Agent.mutations.create('createAgent', {
  description: 'Makes an agent.',
  input: {
    name: { required: true, description: 'Display name.', validate: nameRule },
    provider: { required: true, description: "The model's provider, such as `openai`.", validate: textRule(50).min(1) },
    model: { required: true, description: "The model's name at its provider.", validate: textRule(100).min(1) },
    ...settings,
  },
  values: async ({ name, slug, tools }, { prisma }) => {
    checkTools(tools, ['input', 'tools']);
    return { slug: await Agent.mutations.slug(prisma, { slug, name }) };
  },
});

Agent.mutations.update('updateAgent', {
  description: 'Changes an agent. What is not given stays as it is.',
  input: {
    name: { description: 'Display name.', validate: nameRule },
    provider: { description: "The model's provider.", validate: textRule(50).min(1) },
    model: { description: "The model's name at its provider.", validate: textRule(100).min(1) },
    ...settings,
  },
  arguments: (t) => ({ active: t.boolean({ description: 'Whether the agent takes conversations.' }) }),
  check: (agent) => requireNotArchived(agent, ['input', 'id']),
  values: async ({ slug, tools }, { prisma }, { active }, { id }) => {
    checkTools(tools, ['input', 'tools']);
    return {
      slug: await Agent.mutations.slug(prisma, { slug, except: id }),
      ...(active == null ? {} : { status: active ? 'ACTIVE' : 'INACTIVE' }),
    };
  },
});

Agent.mutations.transition('archiveAgent', {
  description: 'Puts an agent away: it takes no conversations until it is restored.',
  from: ['ACTIVE', 'INACTIVE'],
  set: { status: 'ARCHIVED' },
  refusal: 'The agent is archived already.',
});

Agent.mutations.transition('restoreAgent', {
  description: 'Takes an archived agent back into work.',
  from: ['ARCHIVED'],
  set: { status: 'ACTIVE' },
  refusal: 'The agent is not archived.',
});
