import { UserStatus } from '../../../generated/prisma/enums.ts';
import { entity } from '../../../platform/graphql/kit/entity/entity.ts';
import { enumOf } from '../../../platform/graphql/kit/enums.ts';

export const UserStatusEnum = enumOf('UserStatus', UserStatus, 'Whether a person may sign in anywhere.');

export const User = entity('User', {
  table: 'users',
  access: 'member:read',
  // The payload of signIn shows the person before the request has a viewer.
  authScopes: { $any: { permission: 'member:read', $granted: 'self' } },
  ofTenant: false,
  columns: ['email', 'username', 'firstName', 'lastName', 'avatarUrl', 'status', 'emailVerifiedAt', 'lastLoginAt'],
});

export const loadUser = User.load;
