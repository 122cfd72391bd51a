import type { SchemaTypes as PothosTypes } from '@pothos/core';
import { GraphQLError, GraphQLScalarType } from 'graphql';
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
  File: { Input: File; Output: never };
};

/** The server's fetch has a File class of its own, so this checks methods instead of the class. */
function isFile(value: unknown): value is File {
  if (typeof value !== 'object' || value === null) return false;
  const { name, type, stream } = value as Partial<File>;
  return typeof name === 'string' && typeof type === 'string' && typeof stream === 'function';
}

/** A part of a multipart request, as Yoga passes it. */
const FileResolver = new GraphQLScalarType({
  name: 'File',
  description: 'A file of a multipart request (GraphQL multipart request specification). For input only.',
  parseValue(value) {
    if (isFile(value)) return value;
    throw new GraphQLError('A file must be a part of a multipart request.');
  },
  parseLiteral() {
    throw new GraphQLError('A file must be a part of a multipart request.');
  },
  serialize() {
    throw new GraphQLError('File is an input type and cannot be returned.');
  },
});

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
  builder.addScalarType('File' as never, FileResolver as never);
  for (const [name, scalar] of Object.entries(scalars)) builder.addScalarType(name as never, scalar as never);
}
