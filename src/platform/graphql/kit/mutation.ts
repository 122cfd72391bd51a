import type { InputFieldMap, InputShapeFromFields, ObjectRef } from '@pothos/core';
import type { StandardSchemaV1 } from '@pothos/plugin-validation';
import type { Permission } from '../../auth/permissions.ts';
import type { Viewer } from '../../auth/viewer.ts';
import { ConflictError, InvalidStateError, NotFoundError, ValidationError } from '../../lib/errors.ts';
import type { SessionContext } from '../../postgres/request-scope.ts';
import type { GraphQLContext, SignedInContext } from '../context.ts';
import { requireSignedIn } from '../viewer.ts';
import { builder, type SchemaTypes } from './builder.ts';
import { nodeId, nodeIdsOf, parseNodeIds } from './entity/node-id.ts';

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>;
type InputFields = PothosSchemaTypes.InputFieldBuilder<Types, 'InputObject'>;
type ErrorClass = new (...args: never[]) => Error;

/** The permission that a mutation requires; `person` for people about themselves; `anyone` for requests before a sign-in. */
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
  /** Changes who acts, for viewers who may change their own session. */
  context?: SessionContext;
  /** What takes long, such as a model's answer or a file on its way: before the transaction, which must not wait for it. */
  prepare?: (input: InputShapeFromFields<Fields>, context: ContextFor<Access>) => Promise<Prepared>;
  /** `own` where `resolve` makes its one transaction itself, for writes that fit one round trip. @default 'around' `resolve` */
  transaction?: 'around' | 'own';
  /** Runs in one transaction with everything it calls. What it throws rolls all of it back. */
  resolve: (input: InputShapeFromFields<Fields>, context: ContextFor<Access>, prepared: Prepared) => Promise<Payload>;
}

function scopesFor(access: MutationAccess) {
  if (access === 'anyone') return {};
  return { authScopes: access === 'person' ? { person: true } : { permission: access } };
}

/**
 * Adds a mutation: `name(input: NameInput!): NameResult!`, the result being the payload or an error, the whole of it one
 * transaction that is committed before the payload's nested fields are read.
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
    description: `What \`${name}\` takes.`,
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
      args: { input: t.arg({ type: input as never, required: true, description: 'What to do.' }) },
      ...scopesFor(options.access),
      errors: {
        types: [ValidationError, NotFoundError, ConflictError, InvalidStateError, ...(options.errors ?? [])] as never,
        directResult: true,
        union: {
          name: `${title}Result`,
          description: `The outcome of \`${name}\`: its payload, or an error that says what to do.`,
        },
      } as never,
      resolve: (async (_root: unknown, args: { input: unknown }, context: GraphQLContext) => {
        const input = parseNodeIds(args.input as Record<string, unknown>, nodes) as InputShapeFromFields<Fields>;
        const acting = (options.access === 'anyone' ? context : requireSignedIn(context)) as ContextFor<Access>;
        try {
          const prepared = (await options.prepare?.(input, acting)) as Prepared;
          const work = () => options.resolve(input, acting, prepared);
          return await (options.transaction === 'own' ? work() : context.database.transaction(work, options.context));
        } finally {
          context.loaders.clear();
        }
      }) as never,
    }),
  );
}

export interface EntityMutationOptions<Payload extends object> {
  description: string;
  access: Permission;
  /** The GraphQL type of the object, such as `Agent`. */
  typename: string;
  payload: ObjectRef<Types, Payload>;
  change: (context: GraphQLContext, viewer: Viewer, id: string) => Promise<Payload>;
}

/** Adds a mutation that takes nothing but the object it changes: `name(input: { id: ID! })`. */
export function entityMutation<Payload extends object>(
  name: string,
  { description, access, typename, payload, change }: EntityMutationOptions<Payload>,
): void {
  mutation(name, {
    description,
    access,
    payload,
    input: (t) => ({ id: nodeId(t, typename, { required: true, description: `The ${typename.toLowerCase()}.` }) }),
    resolve: ({ id }, context) => change(context, context.viewer, id),
  });
}
