import type { Permission } from '../../../platform/auth/permissions.ts';
import type { Rights } from '../../../platform/auth/rights.ts';
import { entity } from '../../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../../platform/graphql/kit/entity/model-columns.ts';
import type { Database } from '../../../platform/postgres/database.ts';
import { containsText, queryRows, sql } from '../../../platform/postgres/sql.ts';
import { User } from '../accounts/user.ts';
import { PermissionEnum } from '../enums.ts';

export type Membership = RowOf<'Membership'>;
export const Membership = entity('Membership', {
  table: 'memberships',
  access: 'member:read',
  write: 'member:manage',
  plural: 'members',
  columns: ['role', 'status'],
  references: {
    user: User,
  },
  fields: (t) => ({
    permissions: t.field({
      type: [PermissionEnum],
      description: 'Permissions granted in addition to those of the role.',
      resolve: (membership) => membership.permissions as Permission[],
    }),
  }),
  list: {
    orders: ['createdAt', '-createdAt'],
    filter: (f) => ({
      role: f.anyOf('role'),
      status: f.anyOf('status'),
      search: f.where<string>(
        'String',
        'Members whose e-mail address or name contains this text. Case-insensitive.',
        (text) => sql`EXISTS (
          SELECT FROM users u WHERE u.id = memberships.user_id
            AND ${containsText([sql`concat_ws(' ', u.email::text, u.username, u.first_name, u.last_name)`], text)}
        )`,
      ),
    }),
  },
  root: { many: 'members' },
});

/** The rights of a user in the tenant, even while suspended. None for a user who is not a member. */
export async function rightsOfMember(database: Database, userId: string | null): Promise<Rights> {
  const [member] = await queryRows<Rights>(
    database,
    sql`SELECT role, permissions FROM memberships WHERE user_id = ${userId}::uuid`,
  );
  return member ?? {};
}
