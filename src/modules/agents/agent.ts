import { z } from 'zod';
import type { AgentStatus } from '../../generated/prisma/enums.ts';
import { requireRights } from '../../platform/auth/rights.ts';
import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { intRule, jsonArrayRule, listRule, nameRule, textRule } from '../../platform/graphql/kit/rules.ts';
import { InvalidStateError } from '../../platform/lib/errors.ts';
import { User } from '../tenancy/exports.ts';
import { checkTools, permissionsToConfigure, TOOLS_DESCRIPTION } from './tool-references.ts';

const CAPABILITIES_DESCRIPTION = 'Capabilities of the agent, at most 100. The server does not interpret them.';

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
    'contextTokens',
    'systemPrompt',
    'timeoutMs',
    'maxIterations',
    'maxRunTokens',
    'whenBusy',
    'status',
    'version',
    'tags',
    'config',
    'metadata',
  ],
  references: { createdBy: User },
  inputs: {
    name: { required: true, validate: nameRule },
    slug: { slugOf: 'name' },
    description: { validate: textRule(10_000) },
    kind: {},
    provider: { required: true, validate: textRule(50).min(1) },
    model: { required: true, validate: textRule(100).min(1) },
    temperature: { validate: z.number().min(0, 'Must be at least 0.').max(2, 'Must be at most 2.') },
    maxTokens: { validate: intRule(1, 10_000_000) },
    contextTokens: { validate: intRule(256, 10_000_000) },
    systemPrompt: { validate: textRule(100_000) },
    capabilities: { type: ['String'], validate: listRule(textRule(100), 100), description: CAPABILITIES_DESCRIPTION },
    tools: { type: ['JSONObject'], validate: jsonArrayRule, description: TOOLS_DESCRIPTION },
    timeoutMs: { validate: intRule(1, 86_400_000) },
    maxIterations: { validate: intRule(1, 1000) },
    maxRunTokens: { type: 'NonNegativeInt', validate: intRule(1, Number.MAX_SAFE_INTEGER) },
    whenBusy: {},
    tags: { validate: listRule(textRule(100).min(1), 50) },
    config: {},
    metadata: {},
  },
  fields: (t) => ({
    capabilities: t.stringList({
      description: CAPABILITIES_DESCRIPTION,
      resolve: (agent) => agent.capabilities as string[],
    }),
    tools: t.field({ type: ['JSONObject'], description: TOOLS_DESCRIPTION, resolve: (agent) => agent.tools as unknown[] }),
  }),
  list: {
    orders: ['-createdAt', 'createdAt', '-updatedAt', 'name', '-name'],
    filter: (f) => ({
      status: f.anyOf('status'),
      kind: f.anyOf('kind'),
      tags: f.containsAll('tags'),
      search: f.containsText(['name', 'slug']),
    }),
  },
  root: { one: 'agent', many: 'agents' },
});

export function requireNotArchived({ status }: { status: AgentStatus }, path: string[]): void {
  if (status === 'ARCHIVED') throw new InvalidStateError('The agent is archived. Restore it with restoreAgent first.', { path });
}

export const createAgent = Agent.mutations.create('createAgent', {
  description: 'Creates an agent.',
  values: ({ tools }, { viewer }) => {
    checkTools(tools, ['input', 'tools']);
    requireRights(viewer, { permissions: permissionsToConfigure(tools) }, 'give the agent these tools');
    return {};
  },
});

Agent.mutations.update('updateAgent', {
  description: 'Updates an agent. Fields that the input omits do not change. Returns InvalidStateError for an archived agent.',
  arguments: (t) => ({
    active: t.boolean({ description: 'Whether the agent accepts conversations: true sets ACTIVE, false sets INACTIVE.' }),
  }),
  check: (agent) => requireNotArchived(agent, ['input', 'id']),
  values: ({ tools }, { viewer }, { active }, before) => {
    checkTools(tools, ['input', 'tools']);
    // A change of the instructions changes the use of the tools.
    requireRights(
      viewer,
      { permissions: permissionsToConfigure(tools ?? before.tools, before.tools) },
      'change an agent with these tools',
    );
    return active == null ? {} : { status: active ? 'ACTIVE' : 'INACTIVE' };
  },
});

Agent.mutations.archivable({
  archive: 'Archives an agent: it accepts no conversations, changes or versions until it is restored.',
  restore: 'Restores an archived agent to ACTIVE.',
});
