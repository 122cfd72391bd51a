import { MemberRole, MembershipStatus } from '../../../generated/prisma/enums.ts';
import {
  type Permission,
  permissionsOfScope,
  registeredPermissions,
  registeredScopes,
  type Scope,
} from '../../../platform/auth/permissions.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';

/** `agent:read` is no name in GraphQL: AGENT_READ stands for it. */
function enumName(value: string): string {
  return value.replace(':', '_').toUpperCase();
}

export const MemberRoleEnum = builder.enumType(MemberRole, {
  name: 'MemberRole',
  description: 'What a member may do in a tenant. OWNER and ADMIN manage it, MEMBER works in it, VIEWER only reads.',
});

export const MembershipStatusEnum = builder.enumType(MembershipStatus, {
  name: 'MembershipStatus',
  description: 'Whether a membership may be used.',
});

function named<Value extends string>(list: readonly Value[], description: (value: Value) => string) {
  return Object.fromEntries(list.map((value) => [enumName(value), { value, description: description(value) }]));
}

export const PermissionEnum = builder.enumType('Permission', {
  description: 'A right: what it is about and what it lets one do.',
  values: named<Permission>(registeredPermissions(), (value) => `The right \`${value}\`.`),
});

export const ScopeEnum = builder.enumType('ApiKeyScope', {
  description: 'What an API key may do, as far as its owner may.',
  values: named<Scope>(registeredScopes(), (value) => `\`${value}\`: ${permissionsOfScope(value).join(', ')}.`),
});
