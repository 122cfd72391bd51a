import { permissionsOf, type Role } from '../../src/platform/auth/permissions.ts';
import '../../src/modules/index.ts';
import { sessionContextOf, type Viewer } from '../../src/platform/auth/viewer.ts';
import { newId } from '../../src/platform/lib/ids.ts';
import type { Database } from '../../src/platform/postgres/database.ts';
import type { Prisma } from '../../src/platform/postgres/prisma.ts';
import { type SessionContext, switchActor } from '../../src/platform/postgres/request-scope.ts';
import { unique } from './row-values.ts';
import { type Rows, rowsOf } from './rows.ts';

export { randomHash, unique } from './row-values.ts';

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

export interface TestTenant extends Rows {
  id: string;
  slug: string;
  name: string;
  owner: TestMember;
  /** The owner, then the others in the order of `TenantOptions.members`. */
  members: TestMember[];
}

export interface TenantOptions {
  /** Members besides the owner. */
  members?: Role[];
  /** A hash by `src/platform/auth/passwords.ts`, for members who sign in. @default no password */
  passwordHash?: string;
  /** Tables to insert a row into, whose ids `idOf` returns. */
  rows?: readonly string[];
}

/** Creates a tenant with its members. Rows of other tables are inserted on demand. */
export async function createTenant({ database, prisma }: Clients, options: TenantOptions = {}): Promise<TestTenant> {
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
  await database.transactionAs({ tenantId: id, userId: owner.userId }, async () => {
    await prisma.tenant.create({ data: { id, slug, name } });
    for (const { userId, membershipId, email, role } of members) {
      await switchActor({ userId });
      await prisma.user.create({ data: { id: userId, email, passwordHash: options.passwordHash ?? null } });
      await prisma.membership.create({ data: { tenantId: id, id: membershipId, userId, role } });
    }
  });
  const rows = rowsOf(database, { tenantId: id, ...owner });
  for (const table of options.rows ?? []) await rows.anyId(table);
  return { id, slug, name, owner, members, ...rows };
}

/** Creates a conversation with four events: its start, two messages and a tool execution. */
export async function createConversation(tenant: TestTenant): Promise<{ id: string; messageIds: [string, string] }> {
  const id = (await tenant.row('conversations', { title: 'Conversation' })).id;
  const first = await tenant.row('messages', { conversation_id: id, content: 'Hello', token_count: 2 });
  const second = await tenant.row('messages', {
    conversation_id: id,
    role: 'ASSISTANT',
    content: 'Good day',
    parent_message_id: first.id,
    token_count: 3,
  });
  await tenant.row('tool_executions', { conversation_id: id, message_id: second.id, tool_name: 'clock' });
  return { id, messageIds: [first.id, second.id] };
}

/** The first member with a role, as the viewer of a request. */
export function asViewer(tenant: TestTenant, role: Role = 'OWNER'): Viewer {
  const member = tenant.members.find((candidate) => candidate.role === role);
  if (!member) throw new Error(`the tenant has no ${role}: add it to the members of createTenant`);
  return {
    tenantId: tenant.id,
    userId: member.userId,
    apiKeyId: undefined,
    role,
    permissions: permissionsOf(role),
    expiresAt: undefined,
  };
}

/** The session context of the first member with a role. */
export function contextOf(tenant: TestTenant, role: Role = 'OWNER'): SessionContext {
  return sessionContextOf(asViewer(tenant, role), { requestId: unique('request'), ip: '192.0.2.1', userAgent: 'test' });
}
