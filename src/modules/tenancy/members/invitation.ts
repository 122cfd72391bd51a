import { builder } from '../../../platform/graphql/kit/builder.ts';
import { entity } from '../../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../../platform/graphql/kit/entity/model-columns.ts';
import { dependsOn } from '../../../platform/graphql/kit/selection.ts';
import { sql } from '../../../platform/postgres/sql.ts';
import { User } from '../accounts/user.ts';
// Declares MemberRole, the type of a column.
import '../enums.ts';

/** Derived from the timestamps of the row: no column stores it. */
const InvitationStatus = builder.enumType('InvitationStatus', {
  description: 'State of an invitation.',
  values: {
    OPEN: { description: 'The invitation can be accepted.' },
    ACCEPTED: { description: 'The invitation was accepted, and the user joined the tenant.' },
    REVOKED: { description: 'The invitation was revoked or replaced by a later one.' },
    EXPIRED: { description: 'The invitation expired before it was accepted.' },
  } as const,
});

export type Invitation = RowOf<'Invitation'>;
export const Invitation = entity('Invitation', {
  table: 'invitations',
  access: 'member:manage',
  write: 'member:manage',
  columns: ['email', 'role', 'expiresAt', 'acceptedAt', 'revokedAt'],
  references: {
    invitedBy: User,
  },
  fields: (t) => ({
    status: t.field({
      type: InvitationStatus,
      description: 'State of the invitation.',
      extensions: dependsOn('acceptedAt', 'revokedAt', 'expiresAt'),
      resolve: ({ acceptedAt, revokedAt, expiresAt }) => {
        if (acceptedAt) return 'ACCEPTED';
        if (revokedAt) return 'REVOKED';
        return expiresAt.getTime() <= Date.now() ? 'EXPIRED' : 'OPEN';
      },
    }),
  }),
  list: {
    orders: ['-createdAt', 'createdAt'],
    filter: (f) => ({
      status: f.where<readonly (typeof InvitationStatus.$inferType)[]>(
        [InvitationStatus],
        'Invitations in one of these states.',
        (statuses) => sql`CASE
          WHEN invitations.accepted_at IS NOT NULL THEN 'ACCEPTED'
          WHEN invitations.revoked_at IS NOT NULL THEN 'REVOKED'
          WHEN invitations.expires_at <= now() THEN 'EXPIRED'
          ELSE 'OPEN'
        END = ANY (${statuses}::text[])`,
      ),
      email: f.where<string>(
        'String',
        'Invitations of this e-mail address. Case-insensitive.',
        (email) => sql`invitations.email = ${email}::citext`,
      ),
    }),
  },
  root: { many: { field: 'invitations', description: 'The invitations to the tenant.' } },
});
