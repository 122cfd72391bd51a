import { type GraphQLField, isObjectType } from 'graphql';
import { expect, test } from 'vitest';
import { schema } from '../../../../src/app/schema.ts';
import { tableModels } from '../../../../src/generated/data-model.ts';
import { camelCase } from '../../../../src/platform/postgres/protocol/row-decoder.ts';
import { columnsOf } from '../../../../src/platform/postgres/readable-columns.ts';

interface Extensions {
  reads?: readonly string[];
  pothosOriginalResolve?: (...args: unknown[]) => unknown;
  pothosExposedField?: string;
}

const properties = new Set(tableModels.flatMap(({ name }) => columnsOf(name).map(camelCase)));

const fields = Object.values(schema.getTypeMap())
  .filter(isObjectType)
  .flatMap((type) => Object.values(type.getFields()).map((field) => [`${type.name}.${field.name}`, field] as const));

function extensionsOf(field: GraphQLField<unknown, unknown>): Extensions {
  return field.extensions as Extensions;
}

const reading = fields.filter(([, field]) => extensionsOf(field).reads);

test('fields that say what they read are there to be tested', () => {
  expect(reading.length).toBeGreaterThan(40);
});

test.each(reading)('%s reads nothing but what it says', async (_name, field) => {
  const { reads = [], pothosOriginalResolve: resolve } = extensionsOf(field);
  const read = new Set<string>();
  const row = new Proxy(
    {},
    {
      get: (_target, property) => {
        read.add(String(property));
        return property === 'then' ? undefined : null;
      },
    },
  );
  const context = new Proxy({}, { get: () => ({ get: () => ({ load: () => null }) }) });
  try {
    await resolve?.(row, {}, context, { fieldNodes: [], returnType: field.type });
  } catch {
    // It got as far as it could without its row.
  }
  read.delete('then');
  expect([...read].filter((property) => !reads.includes(property))).toEqual([]);
  // A name that is none of a column would leave its column out.
  expect(reads.filter((property) => !properties.has(property))).toEqual([]);
});
