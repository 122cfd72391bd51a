import {
  type Permission,
  permissionsOfScope,
  registeredPermissions,
  registeredScopes,
  type Scope,
} from '../../platform/auth/permissions.ts';
import { builder } from '../../platform/graphql/kit/builder.ts';

/** GraphQL names cannot contain a colon: `agent:read` becomes AGENT_READ. */
function enumName(value: string): string {
  return value.replace(':', '_').toUpperCase();
}

function enumValues<Value extends string>(values: readonly Value[], description: (value: Value) => string) {
  return Object.fromEntries(values.map((value) => [enumName(value), { value, description: description(value) }]));
}

// The values of the next two enums are registered by all modules: import this file only from schema files.

export const PermissionEnum = builder.enumType('Permission', {
  description: 'A permission: an object type and what the holder may do with it.',
  values: enumValues<Permission>(registeredPermissions(), (value) => `The permission \`${value}\`.`),
});

export const ScopeEnum = builder.enumType('ApiKeyScope', {
  description: 'A set of permissions that an API key can be restricted to. A key never has more permissions than its owner.',
  values: enumValues<Scope>(registeredScopes(), (value) => `\`${value}\`: ${permissionsOfScope(value).join(', ')}.`),
});
