import { z } from 'zod';
import { builder } from '../../../graphql/builder.ts';
import type { GraphQLContext } from '../../../graphql/context.ts';
import { uuidOf } from '../../../graphql/global-id.ts';
import { mutation, mutationOfOne } from '../../../graphql/mutation.ts';
import { intRule, jsonArrayRule, jsonObjectRule, nameRule, slugRule, textRule } from '../../../graphql/rules.ts';
import { signedIn } from '../../../graphql/signed-in.ts';
import { TOOLS_DESCRIPTION } from '../tool-references.ts';
import { type AgentFields, archiveAgent, createAgent, publishAgentVersion, restoreAgent, updateAgent } from '../write.ts';
import { Agent, AgentKindEnum, BusyPolicyEnum } from './agent.ts';
import { AgentVersion } from './agent-version.ts';

type AgentRow = typeof Agent.$inferType;

function agentPayload(name: string) {
  return builder.objectRef<{ agent: AgentRow }>(name).implement({
    description: 'The agent after the change.',
    fields: (t) => ({ agent: t.field({ type: Agent, description: 'The agent.', resolve: ({ agent }) => agent }) }),
  });
}

/** What may be said of an agent both when it is made and later. */
function optionalFields(t: Parameters<Parameters<typeof builder.inputType>[1]['fields']>[0]) {
  return {
    slug: t.string({
      description: 'Name for URLs, unique in the tenant. Made of the name when a new agent says nothing.',
      validate: slugRule,
    }),
    description: t.string({ description: 'What the agent is for.', validate: textRule(10_000) }),
    kind: t.field({ type: AgentKindEnum, description: 'What the agent is.' }),
    temperature: t.float({
      description: 'Sampling temperature, 0 to 2.',
      validate: z.number().min(0, 'Must be at least 0.').max(2, 'Must be at most 2.'),
    }),
    maxTokens: t.int({ description: 'Most tokens of one answer.', validate: intRule(1, 10_000_000) }),
    systemPrompt: t.string({ description: 'The instructions the model is given.', validate: textRule(100_000) }),
    capabilities: t.stringList({ description: 'What the agent can do.', validate: z.array(textRule(100)).max(100) }),
    tools: t.field({ type: ['JSONObject'], description: TOOLS_DESCRIPTION, validate: jsonArrayRule }),
    timeoutMs: t.int({ description: 'Longest time of one run, in milliseconds.', validate: intRule(1, 86_400_000) }),
    maxIterations: t.int({ description: 'Most rounds of model and tools in one run.', validate: intRule(1, 1000) }),
    maxRunTokens: t.field({
      type: 'NonNegativeInt',
      description: 'Most tokens of one run, input and output together. Null for no limit.',
      validate: intRule(1, Number.MAX_SAFE_INTEGER),
    }),
    whenBusy: t.field({
      type: BusyPolicyEnum,
      description: 'What a message does to a conversation whose agent is at work. QUEUE when a new agent says nothing.',
    }),
    memoryEnabled: t.boolean({ description: 'Whether earlier conversations are remembered.' }),
    tags: t.stringList({
      description: 'Labels to filter by, at most 50.',
      validate: z.array(textRule(100).min(1)).max(50, 'Must have at most 50 items.'),
    }),
    config: t.field({ type: 'JSONObject', description: 'Settings of the runtime.', validate: jsonObjectRule }),
    metadata: t.field({ type: 'JSONObject', description: 'Your own data.', validate: jsonObjectRule }),
  };
}

/** GraphQL's null means "take it away" where a column may be empty, and nothing elsewhere. */
function agentFields(input: Record<string, unknown>): AgentFields {
  const nullable = new Set(['description', 'maxTokens', 'maxRunTokens', 'systemPrompt']);
  const { maxRunTokens } = input as { maxRunTokens?: number | null };
  const given = { ...input, ...(maxRunTokens == null ? {} : { maxRunTokens: BigInt(maxRunTokens) }) };
  return Object.fromEntries(Object.entries(given).filter(([key, value]) => value !== null || nullable.has(key)));
}

mutation('createAgent', {
  description: 'Makes an agent.',
  access: 'agent:configure',
  input: (t) => ({
    name: t.string({ required: true, description: 'Display name.', validate: nameRule }),
    provider: t.string({ required: true, description: "The model's provider, such as `openai`.", validate: textRule(50).min(1) }),
    model: t.string({ required: true, description: "The model's name at its provider.", validate: textRule(100).min(1) }),
    ...optionalFields(t as never),
  }),
  payload: agentPayload('CreateAgentPayload'),
  resolve: async (input, context) => ({
    agent: await createAgent(context.prisma, signedIn(context), {
      ...agentFields(input),
      name: input.name.trim(),
      provider: input.provider,
      model: input.model,
    }),
  }),
});

mutation('updateAgent', {
  description: 'Changes an agent. What is not given stays as it is.',
  access: 'agent:configure',
  input: (t) => ({
    id: t.id({ required: true, description: 'The agent.' }),
    name: t.string({ description: 'Display name.', validate: nameRule }),
    provider: t.string({ description: "The model's provider.", validate: textRule(50).min(1) }),
    model: t.string({ description: "The model's name at its provider.", validate: textRule(100).min(1) }),
    active: t.boolean({ description: 'Whether the agent takes conversations.' }),
    ...optionalFields(t as never),
  }),
  payload: agentPayload('UpdateAgentPayload'),
  resolve: async ({ id, active, ...fields }, context) => ({
    agent: await updateAgent(context.prisma, uuidOf('Agent', id, ['input', 'id']), {
      ...agentFields(fields),
      active: active ?? undefined,
    }),
  }),
});

function changeOfState(
  name: string,
  payload: string,
  description: string,
  change: (prisma: GraphQLContext['prisma'], id: string) => Promise<AgentRow>,
): void {
  mutationOfOne(name, {
    description,
    access: 'agent:configure',
    typename: 'Agent',
    payload: agentPayload(payload),
    change: async ({ prisma }, _viewer, id) => ({ agent: await change(prisma, id) }),
  });
}

changeOfState(
  'archiveAgent',
  'ArchiveAgentPayload',
  'Puts an agent away: it takes no conversations until it is restored.',
  archiveAgent,
);
changeOfState('restoreAgent', 'RestoreAgentPayload', 'Takes an archived agent back into work.', restoreAgent);

mutation('publishAgentVersion', {
  description: "Keeps the agent's definition as it is now, under the next number, for good.",
  access: 'agent:configure',
  input: (t) => ({
    agentId: t.id({ required: true, description: 'The agent.' }),
    notes: t.string({ description: 'What changed.', validate: textRule(10_000) }),
  }),
  payload: builder.objectRef<{ version: typeof AgentVersion.$inferType }>('PublishAgentVersionPayload').implement({
    description: 'The published version.',
    fields: (t) => ({ version: t.field({ type: AgentVersion, description: 'The version.', resolve: ({ version }) => version }) }),
  }),
  resolve: async ({ agentId, notes }, context) => ({
    version: await publishAgentVersion(
      context.prisma,
      signedIn(context),
      uuidOf('Agent', agentId, ['input', 'agentId']),
      notes ?? undefined,
    ),
  }),
});
