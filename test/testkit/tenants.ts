import { randomBytes } from 'node:crypto';
import { permissionsOf, type Role } from '../../src/auth/permissions.ts';
import '../../src/modules/index.ts';
import { dbContextOf, type Viewer } from '../../src/auth/viewer.ts';
import { assumeContext, type DbContext } from '../../src/db/context.ts';
import type { Database } from '../../src/db/database.ts';
import type { Prisma } from '../../src/db/prisma.ts';
import { newId } from '../../src/lib/ids.ts';
import { fillKnowledge, fillMcp, fillRuns } from './fill.ts';

export interface Clients {
  database: Database;
  prisma: Prisma;
}

export interface TestMember {
  userId: string;
  membershipId: string;
  email: string;
  role: Role;
}

export interface TestTenant {
  id: string;
  slug: string;
  name: string;
  owner: TestMember;
  /** The owner first, then the others in the order they were asked for. */
  members: TestMember[];
}

export interface TenantOptions {
  /** Members besides the owner. */
  members?: Role[];
  /** What `src/auth/passwords.ts` made, for members who sign in. @default nobody has a password */
  passwordHash?: string;
}

/** A name that no other test uses. Fits slugs. */
export function unique(prefix: string): string {
  return `${prefix}-${randomBytes(6).toString('hex')}`;
}

/** What a hashed secret looks like to the database. */
export function randomHash(): string {
  return randomBytes(32).toString('hex');
}

/** A tenant with its people and nothing else. */
export function createBareTenant({ database, prisma }: Clients, options: TenantOptions = {}): Promise<TestTenant> {
  const id = newId();
  const slug = unique('tenant');
  const name = `Tenant ${slug.slice(-12)}`;
  const members = (['OWNER', ...(options.members ?? [])] as Role[]).map((role) => ({
    userId: newId(),
    membershipId: newId(),
    email: `${unique(role.toLowerCase())}@example.test`,
    role,
  }));
  const [owner] = members as [TestMember, ...TestMember[]];
  return database.transactionAs({ tenantId: id, userId: owner.userId }, async () => {
    await prisma.tenant.create({ data: { id, slug, name } });
    for (const { userId, membershipId, email, role } of members) {
      await assumeContext({ userId });
      await prisma.user.create({ data: { id: userId, email, passwordHash: options.passwordHash ?? null } });
      await prisma.membership.create({ data: { tenantId: id, id: membershipId, userId, role } });
    }
    return { id, slug, name, owner, members };
  });
}

export interface PopulatedTenant extends TestTenant {
  identityId: string;
  agentId: string;
  agentVersionId: string;
  conversationId: string;
  /** The second answers the first. */
  messageIds: [string, string];
  toolExecutionId: string;
  apiKeyId: string;
  invitationId: string;
  refreshTokenId: string;
  collectionId: string;
  documentId: string;
  chunkId: string;
  ragQueryId: string;
  evaluationId: string;
  evaluationRunId: string;
  mcpServerId: string;
  mcpServerConfigId: string;
  mcpToolId: string;
  mcpResourceId: string;
  mcpToolExecutionId: string;
  agentRunId: string;
  llmCallId: string;
  toolCallId: string;
  messageDraftId: string;
}

/** A tenant with a row in every table. */
export async function createTenant(clients: Clients, options: TenantOptions = {}): Promise<PopulatedTenant> {
  const tenant = await createBareTenant(clients, options);
  const { database, prisma } = clients;
  const tenantId = tenant.id;
  const userId = tenant.owner.userId;
  const expiresAt = new Date(Date.now() + 3_600_000);
  const ids = {
    identityId: newId(),
    agentId: newId(),
    agentVersionId: newId(),
    conversationId: newId(),
    messageIds: [newId(), newId()] as [string, string],
    toolExecutionId: newId(),
    apiKeyId: newId(),
    invitationId: newId(),
    refreshTokenId: newId(),
    collectionId: newId(),
    documentId: newId(),
    chunkId: newId(),
    ragQueryId: newId(),
    evaluationId: newId(),
    evaluationRunId: newId(),
    mcpServerId: newId(),
    mcpServerConfigId: newId(),
    mcpToolId: newId(),
    mcpResourceId: newId(),
    mcpToolExecutionId: newId(),
    agentRunId: newId(),
    llmCallId: newId(),
    toolCallId: newId(),
    messageDraftId: newId(),
  };
  const { agentId, conversationId, messageIds } = ids;
  await database.transactionAs({ tenantId, userId }, async () => {
    await prisma.userIdentity.create({
      data: { id: ids.identityId, userId, issuer: 'https://issuer.example.test', subject: unique('subject') },
    });
    await prisma.invitation.create({
      data: {
        tenantId,
        id: ids.invitationId,
        email: `${unique('guest')}@example.test`,
        tokenHash: randomHash(),
        expiresAt,
        invitedById: userId,
      },
    });
    await prisma.refreshToken.create({
      data: { tenantId, id: ids.refreshTokenId, userId, tokenHash: randomHash(), family: newId(), expiresAt },
    });
    await prisma.apiKey.create({
      data: { tenantId, id: ids.apiKeyId, userId, name: 'Key', keyHash: randomHash(), keyPrefix: 'ab_live_test', expiresAt },
    });
    await prisma.agent.create({
      data: {
        tenantId,
        id: agentId,
        name: 'Agent',
        slug: unique('agent'),
        provider: 'local',
        model: 'echo',
        createdById: userId,
      },
    });
    await prisma.agentVersion.create({
      data: { tenantId, id: ids.agentVersionId, agentId, number: 1, snapshot: { name: 'Agent' }, publishedById: userId },
    });
    await prisma.conversation.create({ data: { tenantId, id: conversationId, agentId, userId, title: 'Conversation' } });
    await prisma.message.create({
      data: { tenantId, id: messageIds[0], conversationId, role: 'USER', content: 'Hello', tokenCount: 2 },
    });
    await prisma.message.create({
      data: {
        tenantId,
        id: messageIds[1],
        conversationId,
        role: 'ASSISTANT',
        content: 'Good day',
        parentMessageId: messageIds[0],
        idempotencyKey: 'second',
        tokenCount: 3,
      },
    });
    await prisma.toolExecution.create({
      data: {
        tenantId,
        id: ids.toolExecutionId,
        conversationId,
        messageId: messageIds[1],
        agentId,
        toolName: 'clock',
        status: 'SUCCESS',
      },
    });
    await fillKnowledge(prisma, tenantId, userId, ids);
    await fillMcp(prisma, tenantId, userId, ids);
    await fillRuns(prisma, tenantId, userId, ids);
  });
  return { ...tenant, ...ids };
}

/** The first member of a role, as a request of theirs is seen. */
export function asViewer(tenant: TestTenant, role: Role = 'OWNER'): Viewer {
  const member = tenant.members.find((candidate) => candidate.role === role);
  if (!member) throw new Error(`the tenant has no ${role}: ask createTenant for one`);
  return {
    tenantId: tenant.id,
    userId: member.userId,
    apiKeyId: undefined,
    role,
    permissions: permissionsOf(role),
    expiresAt: undefined,
  };
}

/** What the database is told when a member of a role acts. */
export function contextOf(tenant: TestTenant, role: Role = 'OWNER'): DbContext {
  return dbContextOf(asViewer(tenant, role), { requestId: unique('request'), ip: '192.0.2.1', userAgent: 'test' });
}
