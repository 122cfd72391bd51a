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
  'Kind of an agent: ASSISTANT converses, BROWSER controls a browser, BACKGROUND runs without a conversation.',
);
enumOf(
  'AgentStatus',
  AgentStatus,
  'State of an agent. ACTIVE accepts conversations, INACTIVE is paused, ARCHIVED is read-only until it is restored.',
);
enumOf(
  'BusyPolicy',
  BusyPolicy,
  'Effect of a message that arrives while a run of the conversation is in progress: QUEUE waits for the run to end, INTERRUPT cancels it.',
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
    createdBy: { to: User, description: 'The user who created the agent. Null if the user is no longer a member of the tenant.' },
  },
  fields: (t) => ({
    capabilities: t.stringList({
      description: 'Capabilities of the agent, at most 100. The server does not interpret them.',
      resolve: (agent) => agent.capabilities as string[],
    }),
    tools: t.field({ type: ['JSONObject'], description: TOOLS_DESCRIPTION, resolve: (agent) => agent.tools as unknown[] }),
  }),
  list: {
    orders: ['-createdAt', 'createdAt', '-updatedAt', 'name', '-name'],
    filter: (f) => ({
      status: f.anyOf('status', 'Returns agents in any of these states.'),
      kind: f.anyOf('kind', 'Returns agents of any of these kinds.'),
      tags: f.containsAll('tags', 'Returns agents that have all of these tags.'),
      search: f.containsText(['name', 'slug'], 'Returns agents whose name or slug contains this text, case-insensitive.'),
    }),
  },
  root: { one: 'agent', many: 'agents' },
});

export function requireNotArchived({ status }: { status: AgentStatus }, path: string[]): void {
  if (status === 'ARCHIVED') throw new InvalidStateError('The agent is archived. Restore it with restoreAgent first.', { path });
}

/** Input fields that createAgent and updateAgent share. */
const settings: ColumnInputs<'Agent'> = {
  slug: {
    description: 'Identifier for URLs, unique in the tenant. A new agent derives it from the name by default.',
    validate: slugRule,
  },
  description: { description: 'Purpose of the agent, at most 10,000 characters.', validate: textRule(10_000) },
  kind: { description: 'Kind of the agent. Default for a new agent: ASSISTANT.' },
  temperature: {
    description: 'Sampling temperature, 0 to 2. Default for a new agent: 0.7.',
    validate: z.number().min(0, 'Must be at least 0.').max(2, 'Must be at most 2.'),
  },
  maxTokens: {
    description: 'Maximum number of tokens of one response, 1 to 10,000,000. Null applies the default of the provider.',
    validate: intRule(1, 10_000_000),
  },
  systemPrompt: {
    description: 'System prompt: the instructions for the model, at most 100,000 characters.',
    validate: textRule(100_000),
  },
  capabilities: {
    type: ['String'],
    description: 'Capabilities of the agent, at most 100. The server does not interpret them.',
    validate: z.array(textRule(100)).max(100),
  },
  tools: { type: ['JSONObject'], description: TOOLS_DESCRIPTION, validate: jsonArrayRule },
  timeoutMs: {
    description: 'Timeout of one run, in milliseconds, 1 to 86,400,000. Default for a new agent: 120,000.',
    validate: intRule(1, 86_400_000),
  },
  maxIterations: {
    description: 'Maximum number of model and tool rounds in one run, 1 to 1000. Default for a new agent: 10.',
    validate: intRule(1, 1000),
  },
  maxRunTokens: {
    type: 'NonNegativeInt',
    description: 'Maximum number of tokens of one run, input and output together. Null for no limit.',
    validate: intRule(1, Number.MAX_SAFE_INTEGER),
  },
  whenBusy: {
    description:
      'Effect of a message that arrives while a run of the conversation is in progress. Default for a new agent: QUEUE.',
  },
  memoryEnabled: { description: 'Whether the agent uses memory of earlier conversations. Default for a new agent: false.' },
  tags: {
    description: 'Labels for filters, at most 50.',
    validate: z.array(textRule(100).min(1)).max(50, 'Must have at most 50 items.'),
  },
  config: { description: 'Settings of the agent runtime.', validate: jsonObjectRule },
  metadata: { description: 'Application data. The server does not interpret it.', validate: jsonObjectRule },
};

export const createAgent = Agent.mutations.create('createAgent', {
  description: 'Creates an agent.',
  input: {
    name: { required: true, description: 'Display name.', validate: nameRule },
    provider: { required: true, description: 'Provider of the model, such as `openai`.', validate: textRule(50).min(1) },
    model: { required: true, description: 'Name of the model at its provider.', validate: textRule(100).min(1) },
    ...settings,
  },
  values: async ({ name, slug, tools }, { prisma }) => {
    checkTools(tools, ['input', 'tools']);
    return { slug: await Agent.mutations.slug(prisma, { slug, name }) };
  },
});

Agent.mutations.update('updateAgent', {
  description: 'Updates an agent. Fields that the input omits do not change. Returns InvalidStateError for an archived agent.',
  input: {
    name: { description: 'Display name.', validate: nameRule },
    provider: { description: 'Provider of the model.', validate: textRule(50).min(1) },
    model: { description: 'Name of the model at its provider.', validate: textRule(100).min(1) },
    ...settings,
  },
  arguments: (t) => ({
    active: t.boolean({ description: 'Whether the agent accepts conversations: true sets ACTIVE, false sets INACTIVE.' }),
  }),
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
  description: 'Archives an agent: it accepts no conversations, changes or versions until it is restored.',
  from: ['ACTIVE', 'INACTIVE'],
  set: { status: 'ARCHIVED' },
  refusal: 'The agent is already archived.',
});

Agent.mutations.transition('restoreAgent', {
  description: 'Restores an archived agent to ACTIVE.',
  from: ['ARCHIVED'],
  set: { status: 'ACTIVE' },
  refusal: 'The agent is not archived.',
});
