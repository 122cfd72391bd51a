import type { SchemaTypes as PothosTypes } from '@pothos/core';
import { GraphQLError, GraphQLScalarType, Kind, type ValueNode, valueFromASTUntyped } from 'graphql';
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

const INT64_MAX = 2n ** 63n - 1n;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function invalid(what: string, value: unknown): GraphQLError {
  const shown =
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : typeof value;
  return new GraphQLError(`${what}, not ${shown.slice(0, 50)}.`);
}

function parseNonNegativeInt(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(`NonNegativeInt is a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`, value);
}

/** A JSON number beyond 2^53 has lost digits when it arrives, so larger values are strings. */
function parseBigInt(value: unknown): bigint | number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  if (typeof value === 'string' && /^-?\d{1,19}$/.test(value)) {
    const parsed = BigInt(value);
    if (parsed <= INT64_MAX && parsed >= -INT64_MAX - 1n) return Number.isSafeInteger(Number(parsed)) ? Number(parsed) : parsed;
  }
  throw invalid('BigInt is a whole number of 64 bits, beyond 2^53 as a string of digits', value);
}

function parseUuid(value: unknown): string {
  if (typeof value === 'string' && UUID.test(value)) return value.toLowerCase();
  throw invalid('UUID is a text such as `01890a5d-ac96-774b-bcce-b302099a8057`', value);
}

/** The years that both JavaScript and PostgreSQL write with four digits. */
function parseDateTime(value: unknown): Date {
  const longest = 40;
  if (typeof value === 'string' && value.length <= longest) {
    const time: Date = DateTimeResolver.parseValue(value);
    const year = time.getUTCFullYear();
    if (year >= 1 && year <= 9999) return time;
  }
  throw invalid('DateTime is a time in RFC 3339 from year 1 to 9999, such as `2026-01-31T12:00:00Z`', value);
}

/** A text of at most so many characters, before a regular expression reads it. */
function short<T>(scalar: GraphQLScalarType<T>, characters: number) {
  return (value: unknown): T => {
    if (typeof value === 'string' && value.length <= characters) return scalar.parseValue(value);
    throw invalid(`${scalar.name} is a text of at most ${characters} characters`, value);
  };
}

const LITERALS = new Set<string>([Kind.INT, Kind.FLOAT, Kind.STRING, Kind.BOOLEAN, Kind.LIST, Kind.OBJECT, Kind.NULL]);

/** A scalar that takes a literal as it takes the same value in a variable. */
function uniform<T>(scalar: GraphQLScalarType<T>, parse: (value: unknown) => T = scalar.parseValue): GraphQLScalarType<T> {
  return new GraphQLScalarType({
    ...scalar.toConfig(),
    parseValue: parse,
    parseLiteral(node: ValueNode, variables) {
      if (!LITERALS.has(node.kind)) throw new GraphQLError(`${scalar.name} has no enum values.`, { nodes: node });
      return parse(valueFromASTUntyped(node, variables));
    },
  });
}

export function addScalars<Types extends PothosTypes>(builder: PothosSchemaTypes.SchemaBuilder<Types>): void {
  const scalars = {
    DateTime: uniform<unknown>(DateTimeResolver, parseDateTime),
    UUID: uniform<unknown>(UUIDResolver, parseUuid),
    EmailAddress: uniform<unknown>(EmailAddressResolver, short(EmailAddressResolver, 320)),
    JSON: uniform<unknown>(JSONResolver),
    JSONObject: uniform<unknown>(JSONObjectResolver),
    URL: uniform<unknown>(URLResolver, short(URLResolver, 2_048)),
    BigInt: uniform<unknown>(BigIntResolver, parseBigInt),
    NonNegativeInt: uniform<unknown>(NonNegativeIntResolver, parseNonNegativeInt),
  };
  builder.addScalarType('File' as never, FileResolver as never);
  for (const [name, scalar] of Object.entries(scalars)) builder.addScalarType(name as never, scalar as never);
}
