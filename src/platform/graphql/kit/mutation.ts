import type { InputFieldMap, InputShapeFromFields, ObjectRef } from '@pothos/core';
import type { StandardSchemaV1 } from '@pothos/plugin-validation';
import type { Permission } from '../../auth/permissions.ts';
import { ConflictError, InvalidStateError, NotFoundError, ValidationError } from '../../lib/errors.ts';
import type { SessionContext } from '../../postgres/request-scope.ts';
import type { GraphQLContext, SignedInContext } from '../context.ts';
import { requireSignedIn } from '../viewer.ts';
import { builder, type SchemaTypes } from './builder.ts';
import { nodeIdsOf, parseNodeIds } from './entity/node-id.ts';

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>;
type InputFields = PothosSchemaTypes.InputFieldBuilder<Types, 'InputObject'>;
type ErrorClass = new (...args: never[]) => Error;

/** The permission that a mutation requires; `person` for people, not API keys; `anyone` for requests without a credential. */
export type MutationAccess = Permission | 'person' | 'anyone';

type ContextFor<Access extends MutationAccess> = Access extends 'anyone' ? GraphQLContext : SignedInContext;

export interface MutationOptions<Fields extends InputFieldMap, Payload extends object, Prepared, Access extends MutationAccess> {
  description: string;
  access: Access;
  /** The fields of the input. Ids declared with `nodeId` arrive in `resolve` as UUIDs. */
  input: (t: InputFields) => Fields;
  /** A rule over the whole input, beside the rules of single fields. */
  validate?: StandardSchemaV1;
  /** The payload's fields. Their nested fields are resolved after the commit. */
  payload: ObjectRef<Types, Payload>;
  /** Errors of the result beside ValidationError, NotFoundError, ConflictError and InvalidStateError. */
  errors?: ErrorClass[];
  /** Replaces the session context, for mutations that act as another user or tenant. */
  context?: SessionContext;
  /** Slow work before the transaction, such as a model call or an upload. The transaction must not wait for it. */
  prepare?: (input: InputShapeFromFields<Fields>, context: ContextFor<Access>) => Promise<Prepared>;
  /** `manual` if `resolve` runs its transaction itself, for writes that fit one round trip. @default 'around' */
  transaction?: 'around' | 'manual';
  /** Runs in one transaction. An error rolls it back. */
  resolve: (input: InputShapeFromFields<Fields>, context: ContextFor<Access>, prepared: Prepared) => Promise<Payload>;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype || prototype === null;
}

/** The path of a text with half of a surrogate pair, which UTF-8 cannot represent and the database would not store. */
function findMalformed(value: unknown): string[] | undefined {
  if (typeof value === 'string') return value.isWellFormed() ? undefined : [];
  if (typeof value !== 'object' || value === null || !isPlain(value)) return undefined;
  for (const [key, item] of Object.entries(value)) {
    if (!key.isWellFormed()) return [];
    const path = findMalformed(item);
    if (path) return [key, ...path];
  }
  return undefined;
}

function scopesFor(access: MutationAccess) {
  if (access === 'anyone') return {};
  return { authScopes: access === 'person' ? { person: true } : { permission: access } };
}

/**
 * Adds a mutation `name(input: NameInput!): NameResult!`. The result is the payload or an error. It runs as one transaction, which commits
 * before the nested fields of the payload are resolved.
 */
export function mutation<
  Fields extends InputFieldMap,
  Payload extends object,
  Prepared = undefined,
  const Access extends MutationAccess = MutationAccess,
>(name: string, options: MutationOptions<Fields, Payload, Prepared, Access>): void {
  const title = name.charAt(0).toUpperCase() + name.slice(1);
  let nodes: ReadonlyMap<string, string> = new Map();
  const input = builder.inputType(`${title}Input`, {
    description: `The input of \`${name}\`.`,
    fields: (t: InputFields) => {
      const fields = options.input(t);
      nodes = nodeIdsOf(fields);
      return fields;
    },
    ...(options.validate ? { validate: options.validate } : {}),
  } as never) as unknown as ObjectRef<Types, never>;
  builder.mutationField(name, (t) =>
    t.field({
      type: options.payload as never,
      description: options.description,
      complexity: { field: 10 },
      extensions: { inTransaction: true, mutation: { access: options.access } } as never,
      args: { input: t.arg({ type: input as never, required: true, description: 'The input of the mutation.' }) },
      ...scopesFor(options.access),
      errors: {
        types: [ValidationError, NotFoundError, ConflictError, InvalidStateError, ...(options.errors ?? [])] as never,
        directResult: true,
        union: {
          name: `${title}Result`,
          description: `The result of \`${name}\`: its payload, or an error that explains what to change.`,
        },
      } as never,
      resolve: (async (_root: unknown, args: { input: unknown }, context: GraphQLContext) => {
        const malformed = findMalformed(args.input);
        if (malformed) throw ValidationError.inputPath(['input', ...malformed], 'The text contains half of a Unicode character.');
        const input = parseNodeIds(args.input as Record<string, unknown>, nodes) as InputShapeFromFields<Fields>;
        const acting = (options.access === 'anyone' ? context : requireSignedIn(context)) as ContextFor<Access>;
        try {
          const prepared = (await options.prepare?.(input, acting)) as Prepared;
          const work = () => options.resolve(input, acting, prepared);
          return await (options.transaction === 'manual' ? work() : context.database.transaction(work, options.context));
        } finally {
          context.loaders.clear();
        }
      }) as never,
    }),
  );
}
