/** Derives the failures of a mutation from its declaration: the roles without access, and the inputs that are ids. */
import { type GraphQLInputType, type GraphQLSchema, getNamedType, isInputObjectType } from 'graphql';
import { type Permission, permissionsOf, type Role } from '../../src/platform/auth/permissions.ts';
import { decodeGlobalId } from '../../src/platform/graphql/kit/global-id.ts';

type Access = Permission | 'person' | 'anyone';

const ROLES: readonly Role[] = ['OWNER', 'ADMIN', 'MEMBER', 'VIEWER'];

/** The access that `mutation()` stores in the extensions of its field. */
export function accessOf(extensions: Readonly<Record<string, unknown>> | undefined): Access | undefined {
  return (extensions?.mutation as { access?: Access } | undefined)?.access;
}

/** The highest role that lacks the access; `anonymous` where every member has it; undefined if everyone has access. */
export function refusedRoleOf(schema: GraphQLSchema, name: string): Role | 'anonymous' | undefined {
  const access = accessOf(schema.getMutationType()?.getFields()[name]?.extensions);
  if (access === 'anyone' || access === undefined) return undefined;
  if (access === 'person') return 'anonymous';
  return ROLES.find((role) => !permissionsOf(role).has(access)) ?? 'anonymous';
}

type Path = readonly (string | number)[];

export interface IdInput {
  path: Path;
  value: string;
  /** The GraphQL type of the object. */
  node: string;
}

/**
 * The ids in an input. A field is one when its declaration names the type in `extensions.node`, or, where it names none, when its value is
 * a global id.
 */
export function idInputsOf(schema: GraphQLSchema, name: string, input: unknown): IdInput[] {
  const type = schema
    .getMutationType()
    ?.getFields()
    [name]?.args.find((arg) => arg.name === 'input')?.type;
  return type ? [...idsIn(type, input, [], undefined)] : [];
}

function* idsIn(type: GraphQLInputType, value: unknown, path: Path, declared: string | undefined): Generator<IdInput> {
  const named = getNamedType(type);
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* idsIn(named, item, [...path, index], declared);
  } else if (isInputObjectType(named)) {
    for (const [key, item] of Object.entries(value ?? {})) {
      const field = named.getFields()[key];
      if (field) yield* idsIn(field.type, item, [...path, key], field.extensions.node as string | undefined);
    }
  } else if (typeof value === 'string') {
    const node = declared ?? (named.name === 'ID' ? typenameOf(value) : undefined);
    if (node) yield { path, value, node };
  }
}

function typenameOf(id: string): string | undefined {
  try {
    return decodeGlobalId(id).typename;
  } catch {
    return undefined;
  }
}

/** A copy of an input with another value at a path. Files are shared with the original. */
export function withValue(input: unknown, [key, ...rest]: Path, value: unknown): unknown {
  if (key === undefined) return value;
  if (Array.isArray(input)) return input.map((item, index) => (index === key ? withValue(item, rest, value) : item));
  return { ...(input as object), [key]: withValue((input as Record<string, unknown>)[key], rest, value) };
}
