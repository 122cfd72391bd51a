import {
  GraphQLBoolean,
  GraphQLEnumType,
  GraphQLFloat,
  GraphQLID,
  GraphQLInt,
  type GraphQLLeafType,
  GraphQLString,
} from 'graphql';
import { DateTimeResolver, JSONResolver, UUIDResolver } from 'graphql-scalars';
import { describe, expect, test } from 'vitest';
import { type JsonChunk, joinChunks } from '../../../../src/platform/graphql/executor/json-chunks.ts';
import { leafSerializer } from '../../../../src/platform/graphql/executor/leaf-serializers.ts';

function written(type: GraphQLLeafType, value: unknown): string {
  const out: JsonChunk[] = [];
  leafSerializer(type)(value, out);
  return joinChunks(out);
}

const Colour = new GraphQLEnumType({ name: 'Colour', values: { RED: { value: 1 }, GREEN: { value: 'g' } } });
const UUID = '019aa0c0-1234-7abc-8def-0123456789ab';

describe('a leaf serializer writes the JSON of what the type serializes', () => {
  test.each<[GraphQLLeafType, unknown[]]>([
    [GraphQLString, ['', 'text', '"quoted" \\ \n \u2028 \ud800 ü 😀', true, 12, new String('boxed')]],
    [GraphQLID, ['id', '"', 7]],
    [GraphQLInt, [0, -0, 7, -2_147_483_648, 2_147_483_647, true, '12']],
    [GraphQLFloat, [1.5, 1e21, -0]],
    [GraphQLBoolean, [true, false, 1, 0]],
    [Colour, [1, 'g']],
    [UUIDResolver, [UUID, UUID.toUpperCase(), `{${UUID}}`]],
    [JSONResolver, [{ a: [1, null, 'x'] }, [], 'text', 3]],
    [DateTimeResolver, [new Date(0), '2026-01-31T23:59:59Z', 1_700_000_000_123]],
  ])('%s', (type, values) => {
    for (const value of values) expect(written(type, value)).toBe(JSON.stringify(type.serialize(value)));
  });

  test.each<[GraphQLLeafType, unknown[]]>([
    [GraphQLInt, [1.5, 2_147_483_648, Number.NaN, 'one']],
    [GraphQLBoolean, ['true', {}]],
    [Colour, [2, 'RED']],
    [UUIDResolver, ['no', `${UUID} `, 12]],
    [DateTimeResolver, [new Date(Number.NaN), 'yesterday', {}]],
    [GraphQLString, [{}, Symbol('s')]],
  ])('or throws what it throws: %s', (type, values) => {
    for (const value of values) {
      expect(() => type.serialize(value)).toThrow();
      expect(() => written(type, value)).toThrow();
    }
  });
});

test('writes any time as toISOString does', () => {
  const day = 86_400_000;
  const edges = ['0999-12-31', '1000-01-01', '1969-12-31', '1970-01-01', '2000-02-29', '9999-12-31'].map((date) =>
    Date.parse(`${date}T00:00:00Z`),
  );
  const moments = [...edges, 8.64e15, -8.64e15].flatMap((start) =>
    [0, 1, -1, 59_999, 60_000, 3_599_999, day - 1].map((more) => start + more),
  );
  for (let place = 0; place < 500; place++) moments.push(Math.round((place * 7_919_331_177_613) % 253_402_300_799_999));
  for (const date of moments.map((moment) => new Date(moment)).filter((moment) => !Number.isNaN(moment.getTime()))) {
    expect(written(DateTimeResolver, date)).toBe(`"${date.toISOString()}"`);
  }
});
