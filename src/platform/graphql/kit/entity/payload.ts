import type { ObjectRef } from '@pothos/core';
import { builder, type SchemaTypes } from '../builder.ts';

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>;

interface PayloadObject<Row> {
  type: ObjectRef<Types, Row>;
  description: string;
  nullable?: boolean;
}

// biome-ignore lint/suspicious/noExplicitAny: the row of each object is inferred where a payload is declared.
type PayloadObjects = Record<string, PayloadObject<any>>;

export type PayloadShape<Objects extends PayloadObjects> = {
  [Field in keyof Objects]: Objects[Field] extends PayloadObject<infer Row>
    ? Objects[Field]['nullable'] extends true
      ? Row | null
      : Row
    : never;
};

/** The payload type of a mutation, `XPayload` for a mutation `x`, that consists of objects. Others are written with `builder.objectRef`. */
export function payload<Objects extends PayloadObjects>(
  mutationName: string,
  description: string,
  objects: Objects,
): ObjectRef<Types, PayloadShape<Objects>> {
  const name = `${mutationName.charAt(0).toUpperCase()}${mutationName.slice(1)}Payload`;
  const ref = builder.objectRef<PayloadShape<Objects>>(name);
  ref.implement({
    description,
    fields: (t) =>
      Object.fromEntries(
        Object.entries(objects).map(([field, { type, description, nullable }]) => [
          field,
          t.field({
            type,
            description,
            nullable: nullable ?? false,
            resolve: (shape: PayloadShape<Objects>) => shape[field],
          } as never),
        ]),
      ),
  });
  return ref as never;
}
