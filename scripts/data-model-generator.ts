/**
 * A Prisma generator: writes the tables of the Prisma schema, with their SQL names and comments, to
 * `src/generated/data-model.ts`. The Prisma client lacks them at run time, and Pothos's data model has no table and column names.
 */
import { writeFileSync } from 'node:fs';
import generatorHelper, { type DMMF } from '@prisma/generator-helper';

/** A copy of `TableModel` of `src/platform/postgres/data-model.ts`, because an image build runs the generator before it copies the sources. */
interface Column {
  name: string;
  property: string;
  type: string;
  supported: boolean;
  comment: string;
  unreadable: boolean;
  default?: string | number | boolean | undefined;
  maxLength?: number | undefined;
}

/** Marks a secret or hash in the documentation of a field: Prisma, lists and loaders leave its column out. */
const UNREADABLE = '@unreadable';

function oneLine(comment: string | null | undefined): string {
  return (comment ?? '').replace(UNREADABLE, '').trim().replaceAll('\n', ' ');
}

function isUnreadable(comment: string | null | undefined): boolean {
  return comment?.includes(UNREADABLE) ?? false;
}

function modifierOf({ isList, isRequired }: DMMF.Field): string {
  if (isList) return '[]';
  return isRequired ? '' : '?';
}

/** A default that is one value. Functions and lists have none. */
function defaultOf({ default: value, type }: DMMF.Field): string | number | boolean | undefined {
  if (typeof value === 'object' || type === 'Json') return undefined;
  // Prisma's parser returns 0.7 as 0.7000000000000001.
  return typeof value === 'number' ? Number(value.toPrecision(15)) : value;
}

/** The maximum length of a `varchar`. */
function maxLengthOf({ nativeType }: DMMF.Field): number | undefined {
  const [type, [length] = []] = nativeType ?? [''];
  return type === 'VarChar' ? Number(length) : undefined;
}

/** Returns the columns of types that Prisma does not support, each with its preceding field. Prisma's data model omits them. */
function unsupportedColumns(schema: string, model: string): { after: string | undefined; column: Column }[] {
  const [, body = ''] = new RegExp(`^model ${model} \\{\\n([\\s\\S]*?)^\\}`, 'm').exec(schema) ?? [];
  const found: { after: string | undefined; column: Column }[] = [];
  let comment: string[] = [];
  let after: string | undefined;
  for (const line of body.split('\n')) {
    const [, documentation] = /^\s*\/\/\/ ?(.*)$/.exec(line) ?? [];
    if (documentation !== undefined) {
      comment.push(documentation);
      continue;
    }
    const [, property, type, rest = ''] = /^\s*(\w+)\s+(\w+)(.*)$/.exec(line) ?? [];
    if (property && type === 'Unsupported') {
      const [, name = property] = /@map\("(\w+)"\)/.exec(rest) ?? [];
      const [, sqlType = '', modifier = ''] = /^\("(.+?)"\)(\?|\[\])?/.exec(rest) ?? [];
      const documentation = comment.join('\n');
      const column = {
        name,
        property,
        type: `${sqlType}${modifier}`,
        supported: false,
        comment: oneLine(documentation),
        unreadable: isUnreadable(documentation),
      };
      found.push({ after, column });
    }
    after = property ?? after;
    comment = [];
  }
  return found;
}

function columnsOf(model: DMMF.Model, schema: string): Column[] {
  const columns: Column[] = model.fields
    .filter(({ kind }) => kind === 'scalar' || kind === 'enum')
    .map((field) => ({
      name: field.dbName ?? field.name,
      property: field.name,
      type: `${field.type}${modifierOf(field)}`,
      supported: true,
      comment: oneLine(field.documentation),
      unreadable: isUnreadable(field.documentation),
      default: defaultOf(field),
      maxLength: maxLengthOf(field),
    }));
  for (const { after, column } of unsupportedColumns(schema, model.name)) {
    columns.splice(columns.findIndex(({ property }) => property === after) + 1, 0, column);
  }
  return columns;
}

function tables({ models }: DMMF.Datamodel, schema: string): object[] {
  const tableOf = new Map(models.map(({ name, dbName }) => [name, dbName ?? name]));
  return models.map((model) => {
    const columns = columnsOf(model, schema);
    const columnOf = new Map(columns.map(({ property, name }) => [property, name]));
    return {
      model: model.name,
      name: tableOf.get(model.name),
      comment: oneLine(model.documentation),
      columns,
      references: model.fields
        .filter(({ relationFromFields }) => relationFromFields && relationFromFields.length > 0)
        .map(({ type, isRequired, relationFromFields }) => ({
          table: tableOf.get(type),
          columns: relationFromFields?.map((property) => columnOf.get(property)),
          optional: !isRequired,
        })),
    };
  });
}

/** Returns the unreadable columns in the form of Prisma's option `omit`. */
function unreadableColumns({ models }: DMMF.Datamodel): object {
  const entries = models.map(({ name, fields }) => {
    const unreadable = fields.filter(({ documentation }) => isUnreadable(documentation));
    const omitted = Object.fromEntries(unreadable.map((field) => [field.name, true]));
    return [name.charAt(0).toLowerCase() + name.slice(1), omitted] as const;
  });
  return Object.fromEntries(entries.filter(([, omitted]) => Object.keys(omitted).length > 0));
}

function enumComments({ enums }: DMMF.Datamodel): object {
  return Object.fromEntries(enums.map(({ name, documentation }) => [name, oneLine(documentation)]));
}

generatorHelper.generatorHandler({
  onManifest: () => ({ prettyName: 'Data model', defaultOutput: '../src/generated/data-model.ts' }),
  async onGenerate({ generator, dmmf, datamodel }) {
    const file = generator.output?.value;
    if (!file) throw new Error('the data model generator has no output');
    writeFileSync(
      file,
      `// Generated by scripts/data-model-generator.ts. Do not edit.
import type { TableModel } from '../platform/postgres/data-model.ts';

export const tableModels: readonly TableModel[] = ${JSON.stringify(tables(dmmf.datamodel, datamodel), null, 2)};

/** The descriptions of the enums. */
export const enumComments = ${JSON.stringify(enumComments(dmmf.datamodel), null, 2)} as const;

/** Columns marked \`${UNREADABLE}\` in the Prisma schema, in the form of Prisma's option \`omit\`. */
export const unreadableColumns = ${JSON.stringify(unreadableColumns(dmmf.datamodel), null, 2)} as const;
`,
    );
  },
});
