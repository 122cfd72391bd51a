import { entity } from '../../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../../platform/graphql/kit/entity/model-columns.ts';
import { personNameRule, webAddressRule } from '../rules.ts';

export type User = RowOf<'User'>;
export const User = entity('User', {
  table: 'users',
  access: 'member:read',
  // The payload of signIn contains the user before the request has a viewer.
  authScopes: { $any: { permission: 'member:read', $granted: 'self' } },
  ofTenant: false,
  columns: ['email', 'username', 'firstName', 'lastName', 'avatarUrl', 'status', 'emailVerifiedAt', 'lastLoginAt'],
  inputs: {
    username: { validate: personNameRule },
    firstName: { validate: personNameRule },
    lastName: { validate: personNameRule },
    avatarUrl: { validate: webAddressRule, description: 'URL of a picture, http or https.' },
  },
});
