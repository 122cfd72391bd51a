import type { SchemaTypes as PothosTypes } from '@pothos/core';
import {
  BigIntResolver,
  DateTimeResolver,
  EmailAddressResolver,
  JSONObjectResolver,
  JSONResolver,
  NonNegativeIntResolver,
  URLResolver,
  UUIDResolver,
} from 'graphql-scalars';

export type Scalars = {
  ID: { Input: string; Output: string };
  DateTime: { Input: Date; Output: Date | string };
  UUID: { Input: string; Output: string };
  EmailAddress: { Input: string; Output: string };
  JSON: { Input: unknown; Output: unknown };
  JSONObject: { Input: Record<string, unknown>; Output: unknown };
  URL: { Input: URL; Output: URL | string };
  BigInt: { Input: bigint; Output: bigint | number };
  NonNegativeInt: { Input: number; Output: number };
};

export function addScalars<Types extends PothosTypes>(builder: PothosSchemaTypes.SchemaBuilder<Types>): void {
  const scalars = {
    DateTime: DateTimeResolver,
    UUID: UUIDResolver,
    EmailAddress: EmailAddressResolver,
    JSON: JSONResolver,
    JSONObject: JSONObjectResolver,
    URL: URLResolver,
    BigInt: BigIntResolver,
    NonNegativeInt: NonNegativeIntResolver,
  };
  for (const [name, scalar] of Object.entries(scalars)) builder.addScalarType(name as never, scalar as never);
}
