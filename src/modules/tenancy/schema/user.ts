import { UserStatus } from '../../../generated/prisma/enums.ts';
import { builder } from '../../../graphql/builder.ts';
import { byId } from '../../../graphql/by-id.ts';

export const UserStatusEnum = builder.enumType(UserStatus, {
  name: 'UserStatus',
  description: 'Whether a person may sign in anywhere.',
});

export const User = builder.prismaNode('User', {
  nullable: true,
  // Whoever signs in is shown themselves before they are anybody.
  authScopes: { $any: { permission: 'member:read', $granted: 'self' } },
  id: { resolve: ({ id }) => id },
  findUnique: (id) => ({ id }),
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    email: t.exposeString('email'),
    username: t.exposeString('username', { nullable: true }),
    firstName: t.exposeString('firstName', { nullable: true }),
    lastName: t.exposeString('lastName', { nullable: true }),
    avatarUrl: t.exposeString('avatarUrl', { nullable: true }),
    status: t.expose('status', { type: UserStatusEnum }),
    emailVerifiedAt: t.expose('emailVerifiedAt', { type: 'DateTime', nullable: true }),
    lastLoginAt: t.expose('lastLoginAt', { type: 'DateTime', nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
  }),
});

export const loadUser = byId<typeof User.$inferType>('User', 'users');
