import type { Permission } from '../../../platform/auth/permissions.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { defineConnection } from '../../../platform/graphql/kit/connection.ts';
import { nodeLoader } from '../../../platform/graphql/kit/node-loader.ts';
import { dependsOn, selectedProperties } from '../../../platform/graphql/kit/selection.ts';
import { sql } from '../../../platform/postgres/sql.ts';
import { tenantKey } from '../../../platform/postgres/tenant-key.ts';
import { containsText } from '../../../platform/postgres/text-search.ts';
import { MemberRoleEnum, MembershipStatusEnum, PermissionEnum } from './enums.ts';
import { loadUser, User } from './user.ts';

export const Membership = builder.prismaNode('Membership', {
  nullable: true,
  authScopes: { permission: 'member:read' },
  id: { resolve: ({ id }) => id },
  findUnique: tenantKey,
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    role: t.expose('role', { type: MemberRoleEnum }),
    status: t.expose('status', { type: MembershipStatusEnum }),
    permissions: t.field({
      type: [PermissionEnum],
      description: 'Rights beyond the role.',
      resolve: (membership) => membership.permissions as Permission[],
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    user: t.field({
      type: User,
      nullable: true,
      description: 'The person. Null if they left in the meantime.',
      extensions: dependsOn('userId'),
      resolve: ({ userId }, _args, context, info) => loadUser(context, userId, selectedProperties(info, 'User')),
    }),
  }),
});

nodeLoader<typeof Membership.$inferType>('Membership', 'memberships');

const MembershipFilter = builder.inputType('MembershipFilter', {
  description: 'Which members. All conditions must hold.',
  fields: (t) => ({
    role: t.field({ type: [MemberRoleEnum], description: 'In one of these roles.' }),
    status: t.field({ type: [MembershipStatusEnum], description: 'In one of these states.' }),
    search: t.string({ description: 'With this in the e-mail address or a name, without regard to case.' }),
  }),
});

export const membershipList = defineConnection({
  name: 'Membership',
  table: 'memberships',
  node: Membership,
  orders: {
    CREATED_AT_ASC: { column: 'created_at', type: 'timestamptz', direction: 'ASC' },
    CREATED_AT_DESC: { column: 'created_at', type: 'timestamptz', direction: 'DESC' },
  },
  filter: {
    type: MembershipFilter,
    where: ({ role, status, search }: typeof MembershipFilter.$inferInput) => [
      ...(role ? [sql`memberships.role = ANY (${role}::member_role[])`] : []),
      ...(status ? [sql`memberships.status = ANY (${status}::membership_status[])`] : []),
      ...(search
        ? [
            sql`EXISTS (
              SELECT FROM users u WHERE u.id = memberships.user_id
                AND ${containsText([sql`concat_ws(' ', u.email::text, u.username, u.first_name, u.last_name)`], search)}
            )`,
          ]
        : []),
    ],
  },
});

membershipList.onQuery('members', { description: 'The members of the tenant.', access: 'member:read' });
