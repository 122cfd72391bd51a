import { builder } from '../../../platform/graphql/kit/builder.ts';
import { defineConnection } from '../../../platform/graphql/kit/connection.ts';
import { nodeLoader } from '../../../platform/graphql/kit/node-loader.ts';
import { dependsOn } from '../../../platform/graphql/kit/selection.ts';
import { sql } from '../../../platform/postgres/sql.ts';
import { tenantKey } from '../../../platform/postgres/tenant-key.ts';
import { MemberRoleEnum } from './enums.ts';
import { loadUser, User } from './user.ts';

const InvitationStatus = builder.enumType('InvitationStatus', {
  description: 'What became of an invitation.',
  values: {
    OPEN: { description: 'It can be accepted.' },
    ACCEPTED: { description: 'Its reader is a member now.' },
    REVOKED: { description: 'It was withdrawn.' },
    EXPIRED: { description: 'Nobody accepted it in time.' },
  } as const,
});

export const Invitation = builder.prismaNode('Invitation', {
  nullable: true,
  authScopes: { permission: 'member:manage' },
  id: { resolve: ({ id }) => id },
  findUnique: tenantKey,
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    email: t.exposeString('email'),
    role: t.expose('role', { type: MemberRoleEnum }),
    status: t.field({
      type: InvitationStatus,
      description: 'What became of it.',
      extensions: dependsOn('acceptedAt', 'revokedAt', 'expiresAt'),
      resolve: ({ acceptedAt, revokedAt, expiresAt }) => {
        if (acceptedAt) return 'ACCEPTED';
        if (revokedAt) return 'REVOKED';
        return expiresAt.getTime() <= Date.now() ? 'EXPIRED' : 'OPEN';
      },
    }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
    acceptedAt: t.expose('acceptedAt', { type: 'DateTime', nullable: true }),
    revokedAt: t.expose('revokedAt', { type: 'DateTime', nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    invitedBy: t.field({
      type: User,
      nullable: true,
      description: 'Who sent it. Null once they have left the tenant.',
      extensions: dependsOn('invitedById'),
      resolve: ({ invitedById }, _args, context) => loadUser(context, invitedById),
    }),
  }),
});

nodeLoader<typeof Invitation.$inferType>('Invitation', 'invitations');

const InvitationFilter = builder.inputType('InvitationFilter', {
  description: 'Which invitations. All conditions must hold.',
  fields: (t) => ({
    status: t.field({ type: [InvitationStatus], description: 'In one of these states.' }),
    email: t.string({ description: 'To this address.' }),
  }),
});

export const invitationList = defineConnection({
  name: 'Invitation',
  table: 'invitations',
  node: Invitation,
  orders: {
    CREATED_AT_DESC: { column: 'created_at', type: 'timestamptz', direction: 'DESC' },
    CREATED_AT_ASC: { column: 'created_at', type: 'timestamptz', direction: 'ASC' },
  },
  filter: {
    type: InvitationFilter,
    where: ({ status, email }: typeof InvitationFilter.$inferInput) => [
      ...(status
        ? [
            sql`CASE
              WHEN invitations.accepted_at IS NOT NULL THEN 'ACCEPTED'
              WHEN invitations.revoked_at IS NOT NULL THEN 'REVOKED'
              WHEN invitations.expires_at <= now() THEN 'EXPIRED'
              ELSE 'OPEN'
            END = ANY (${status}::text[])`,
          ]
        : []),
      ...(email ? [sql`invitations.email = ${email}::citext`] : []),
    ],
  },
});

invitationList.onQuery('invitations', { description: 'The invitations to the tenant.', access: 'member:manage' });
