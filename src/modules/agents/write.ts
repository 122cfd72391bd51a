import type { Viewer } from '../../auth/viewer.ts';
import type { Prisma } from '../../db/prisma.ts';
import { tenantKey } from '../../db/tenant-key.ts';
import type { Agent, AgentKind, AgentVersion, BusyPolicy, Prisma as PrismaTypes } from '../../generated/prisma/client.ts';
import { InvalidStateError } from '../../lib/errors.ts';
import { newId } from '../../lib/ids.ts';
import { type FindSlugHolder, requireFreeSlug, slugForNew } from '../../lib/slug.ts';
import { requireAgent } from './read.ts';
import { checkTools } from './tool-references.ts';

/** What people decide about an agent. Absent fields stay as they are, or take the column's default. */
export interface AgentFields {
  name?: string | undefined;
  slug?: string | undefined;
  description?: string | null | undefined;
  kind?: AgentKind | undefined;
  provider?: string | undefined;
  model?: string | undefined;
  temperature?: number | undefined;
  maxTokens?: number | null | undefined;
  systemPrompt?: string | null | undefined;
  capabilities?: string[] | undefined;
  tools?: Record<string, unknown>[] | undefined;
  timeoutMs?: number | undefined;
  maxIterations?: number | undefined;
  memoryEnabled?: boolean | undefined;
  tags?: string[] | undefined;
  config?: Record<string, unknown> | undefined;
  whenBusy?: BusyPolicy | undefined;
  maxRunTokens?: bigint | null | undefined;
  metadata?: Record<string, unknown> | undefined;
}

function columns(fields: AgentFields) {
  const { tools, config, metadata, ...rest } = fields;
  checkTools(tools ?? [], ['input', 'tools']);
  return {
    ...rest,
    tools: tools as PrismaTypes.InputJsonValue | undefined,
    config: config as PrismaTypes.InputJsonValue | undefined,
    metadata: metadata as PrismaTypes.InputJsonValue | undefined,
  };
}

function findSlugHolder(prisma: Prisma): FindSlugHolder {
  return (slug) => prisma.agent.findFirst({ where: { slug }, select: { id: true } });
}

export async function createAgent(
  prisma: Prisma,
  viewer: Viewer,
  fields: AgentFields & { name: string; provider: string; model: string },
): Promise<Agent> {
  const { name, provider, model } = fields;
  const slug = await slugForNew(findSlugHolder(prisma), { slug: fields.slug, name, kind: 'agent', fallback: 'agent' });
  return prisma.agent.create({
    data: { ...columns(fields), name, provider, model, slug, tenantId: viewer.tenantId, id: newId(), createdById: viewer.userId },
  });
}

/** Changes what is given. `active` pauses an agent or sets it to work again. */
export async function updateAgent(
  prisma: Prisma,
  id: string,
  fields: AgentFields & { active?: boolean | undefined },
): Promise<Agent> {
  const { active, ...changes } = fields;
  const agent = await requireAgent(prisma, id, ['input', 'id']);
  if (agent.status === 'ARCHIVED')
    throw new InvalidStateError('The agent is archived. Restore it first.', { path: ['input', 'id'] });
  if (changes.slug !== undefined) await requireFreeSlug(findSlugHolder(prisma), changes.slug, 'agent', id);
  const status = active === undefined ? undefined : active ? 'ACTIVE' : 'INACTIVE';
  return prisma.agent.update({
    where: tenantKey(id),
    data: { ...columns(changes), status },
  });
}

export async function archiveAgent(prisma: Prisma, id: string): Promise<Agent> {
  const agent = await requireAgent(prisma, id, ['input', 'id']);
  if (agent.status === 'ARCHIVED') throw new InvalidStateError('The agent is archived already.', { path: ['input', 'id'] });
  return prisma.agent.update({ where: tenantKey(id), data: { status: 'ARCHIVED' } });
}

export async function restoreAgent(prisma: Prisma, id: string): Promise<Agent> {
  const agent = await requireAgent(prisma, id, ['input', 'id']);
  if (agent.status !== 'ARCHIVED') throw new InvalidStateError('The agent is not archived.', { path: ['input', 'id'] });
  return prisma.agent.update({ where: tenantKey(id), data: { status: 'ACTIVE' } });
}

/** Keeps the agent's definition as it is now under the next number. */
export async function publishAgentVersion(
  prisma: Prisma,
  viewer: Viewer,
  id: string,
  notes: string | undefined,
): Promise<AgentVersion> {
  const agent = await requireAgent(prisma, id, ['input', 'agentId']);
  if (agent.status === 'ARCHIVED')
    throw new InvalidStateError('The agent is archived. Restore it first.', { path: ['input', 'agentId'] });
  const { tenantId, id: _id, status, version, createdAt, updatedAt, createdById, ...definition } = agent;
  // A JSON number cannot hold every bigint, and JSON.stringify none.
  const maxRunTokens = definition.maxRunTokens === null ? null : String(definition.maxRunTokens);
  return prisma.agentVersion.create({
    // The database gives the number, under the agent's lock.
    data: {
      tenantId,
      id: newId(),
      agentId: id,
      number: 0,
      notes,
      publishedById: viewer.userId,
      snapshot: { ...definition, maxRunTokens } as PrismaTypes.InputJsonObject,
    },
  });
}
