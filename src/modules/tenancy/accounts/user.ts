import { UserStatus } from '../../../generated/prisma/enums.ts';
import { entity } from '../../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../../platform/graphql/kit/entity/model-columns.ts';
import { enumOf } from '../../../platform/graphql/kit/enums.ts';

enumOf('UserStatus', UserStatus, 'State of a user account. Only an ACTIVE user can sign in to any tenant.');

export type User = RowOf<'User'>;
export const User = entity('User', {
  table: 'users',
  access: 'member:read',
  // The payload of signIn contains the user before the request has a viewer.
  authScopes: { $any: { permission: 'member:read', $granted: 'self' } },
  ofTenant: false,
  columns: ['email', 'username', 'firstName', 'lastName', 'avatarUrl', 'status', 'emailVerifiedAt', 'lastLoginAt'],
});

export const loadUser = User.load;
