import { type GraphQLField, isObjectType } from 'graphql';
import { expect, test } from 'vitest';
import { schema } from '../../../../src/app/schema.ts';
import { tableModels } from '../../../../src/generated/data-model.ts';
import { camelCase } from '../../../../src/platform/postgres/protocol/row-decoder.ts';
import { columnsOf } from '../../../../src/platform/postgres/readable-columns.ts';

interface Extensions {
  dependsOn?: readonly string[];
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

const declaring = fields.filter(([, field]) => extensionsOf(field).dependsOn);

test('the schema has fields that declare dependencies', () => {
  expect(declaring.length).toBeGreaterThan(40);
});

test.each(declaring)('%s reads only the properties in dependsOn', async (_name, field) => {
  const { dependsOn = [], pothosOriginalResolve: resolve } = extensionsOf(field);
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
    // The resolver fails on the row of nulls, after it has read its properties.
  }
  read.delete('then');
  expect([...read].filter((property) => !dependsOn.includes(property))).toEqual([]);
  // A name without a column would select nothing.
  expect(dependsOn.filter((property) => !properties.has(property))).toEqual([]);
});
