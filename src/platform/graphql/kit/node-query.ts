import type { ObjectRef } from '@pothos/core';
import type { GraphQLResolveInfo } from 'graphql';
import type { Permission } from '../../auth/permissions.ts';
import type { GraphQLContext } from '../context.ts';
import { replayable } from '../field-extensions.ts';
import { builder, type SchemaTypes } from './builder.ts';
import { parseId } from './global-id.ts';
import type { LoadById } from './node-loader.ts';
import { selectedProperties } from './selection.ts';

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>;

/** `name(id: ID!): Type` on Query. */
export function nodeQuery<Row extends object>(
  name: string,
  {
    type,
    typename = name.charAt(0).toUpperCase() + name.slice(1),
    what,
    access,
    load,
  }: { type: ObjectRef<Types, Row>; typename?: string; what: string; access: Permission; load: LoadById<Row> },
): void {
  builder.queryField(name, (t) =>
    t.field({
      type: type as never,
      nullable: true,
      description: `${what} by its id or UUID. Null if it does not exist or belongs to another tenant.`,
      authScopes: { permission: access },
      extensions: replayable,
      args: { id: t.arg.id({ required: true, description: 'The `id` or `uuid` of the object.' }) },
      resolve: ((_root: unknown, { id }: { id: string }, context: GraphQLContext, info: GraphQLResolveInfo) =>
        load(context, parseId(typename, id), selectedProperties(info, typename))) as never,
    }),
  );
}
