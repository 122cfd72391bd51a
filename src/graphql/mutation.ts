import type { InputFieldMap, InputShapeFromFields, ObjectRef } from '@pothos/core';
import type { StandardSchemaV1 } from '@pothos/plugin-validation';
import type { Permission } from '../auth/permissions.ts';
import type { Viewer } from '../auth/viewer.ts';
import type { DbContext } from '../db/context.ts';
import { ConflictError, InvalidStateError, NotFoundError, ValidationError } from '../lib/errors.ts';
import { builder, type SchemaTypes } from './builder.ts';
import type { GraphQLContext } from './context.ts';
import { uuidOf } from './global-id.ts';
import { signedIn } from './signed-in.ts';

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>;
type InputFields = PothosSchemaTypes.InputFieldBuilder<Types, 'InputObject'>;
type ErrorClass = new (...args: never[]) => Error;

export interface MutationOptions<Fields extends InputFieldMap, Payload extends object, Prepared> {
  description: string;
  /** The right it takes; `person` for people about themselves; `anyone` for what comes before signing in. */
  access: Permission | 'person' | 'anyone';
  input: (t: InputFields) => Fields;
  /** A rule over the whole input, beside the rules of single fields. */
  validate?: StandardSchemaV1;
  /** The payload's fields. Their nested fields are resolved after the commit. */
  payload: ObjectRef<Types, Payload>;
  /** Errors of the result beside ValidationError, NotFoundError, ConflictError and InvalidStateError. */
  errors?: ErrorClass[];
  /** Changes who acts, for viewers who may change their own session. */
  context?: DbContext;
  /** What takes long, such as a model's answer or a file on its way: before the transaction, which must not wait for it. */
  prepare?: (input: InputShapeFromFields<Fields>, context: GraphQLContext) => Promise<Prepared>;
  /** `own` where `resolve` makes its one transaction itself, for writes that fit one round trip. @default 'around' `resolve` */
  transaction?: 'around' | 'own';
  /** Runs in one transaction with everything it calls. What it throws rolls all of it back. */
  resolve: (input: InputShapeFromFields<Fields>, context: GraphQLContext, prepared: Prepared) => Promise<Payload>;
}

function scopesFor(access: Permission | 'person' | 'anyone') {
  if (access === 'anyone') return {};
  return { authScopes: access === 'person' ? { person: true } : { permission: access } };
}

/**
 * Adds a mutation: `name(input: NameInput!): NameResult!`, the result being the payload or an error, the whole of it one
 * transaction that is committed before the payload's nested fields are read.
 */
export function mutation<Fields extends InputFieldMap, Payload extends object, Prepared = undefined>(
  name: string,
  options: MutationOptions<Fields, Payload, Prepared>,
): void {
  const title = name.charAt(0).toUpperCase() + name.slice(1);
  const input = builder.inputType(`${title}Input`, {
    description: `What \`${name}\` takes.`,
    fields: options.input,
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
        const input = args.input as InputShapeFromFields<Fields>;
        try {
          const prepared = (await options.prepare?.(input, context)) as Prepared;
          const work = () => options.resolve(input, context, prepared);
          return await (options.transaction === 'own' ? work() : context.database.transaction(work, options.context));
        } finally {
          context.loaders.clear();
        }
      }) as never,
    }),
  );
}

export interface ChangeOfOne<Payload extends object> {
  description: string;
  access: Permission;
  /** The GraphQL type of the object, such as `Agent`. */
  typename: string;
  payload: ObjectRef<Types, Payload>;
  change: (context: GraphQLContext, viewer: Viewer, id: string) => Promise<Payload>;
}

/** Adds a mutation that takes nothing but the object it changes: `name(input: { id: ID! })`. */
export function mutationOfOne<Payload extends object>(
  name: string,
  { description, access, typename, payload, change }: ChangeOfOne<Payload>,
): void {
  mutation(name, {
    description,
    access,
    payload,
    input: (t) => ({ id: t.id({ required: true, description: `The ${typename.toLowerCase()}.` }) }),
    resolve: ({ id }, context) => change(context, signedIn(context), uuidOf(typename, String(id), ['input', 'id'])),
  });
}
