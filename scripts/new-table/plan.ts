import type { PrismaFolder } from './prisma-folder.ts';

/** An error in the arguments, printed without a stack. */
export class UsageError extends Error {}

export interface Parent {
  model: string;
  table: string;
  /** Whether the parent already has the column of the last number. */
  numbered: boolean;
}

/** The description of the table from which the model and the migration are generated. */
export interface TablePlan {
  module: string;
  entity: string;
  table: string;
  parent: Parent | undefined;
  /** Whether changes are numbered in the parent: every change of a row, or every row of an append-only table. */
  log: boolean;
  appendOnly: boolean;
}

export interface Request {
  module: string;
  entity: string;
  table?: string | undefined;
  parent?: string | undefined;
  log: boolean;
  appendOnly: boolean;
}

/** PostgreSQL truncates names to 63 bytes. This leaves room for the names of functions and constraints. */
const LONGEST_NAME = 40;

export function planTable(folder: PrismaFolder, request: Request): TablePlan {
  const { module, entity, log, appendOnly } = request;
  const table = request.table ?? plural(snakeCase(entity));
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(module)) throw new UsageError(`"${module}" is not a module name in kebab-case`);
  if (!/^([A-Z][a-z0-9]+)+$/.test(entity)) throw new UsageError(`"${entity}" is not a singular name in PascalCase`);
  if (!/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(table)) throw new UsageError(`"${table}" is not a table name in snake_case`);
  if (table.length > LONGEST_NAME) throw new UsageError(`"${table}" is longer than ${LONGEST_NAME} characters`);
  if (folder.hasType(entity)) throw new UsageError(`the Prisma schema already has a model or enum ${entity}`);
  if (folder.hasTable(table)) throw new UsageError(`the Prisma schema already has a table ${table}`);
  if (log && !request.parent) throw new UsageError('--log requires --parent, whose row stores the last number');
  return {
    module,
    entity,
    table,
    log,
    appendOnly,
    parent: request.parent ? parentOf(folder, request.parent, request) : undefined,
  };
}

function parentOf(folder: PrismaFolder, model: string, { appendOnly }: Request): Parent {
  const body = folder.bodyOf(model);
  if (body === undefined) throw new UsageError(`the Prisma schema has no model ${model}`);
  if (!body.includes('@@id([tenantId, id])'))
    throw new UsageError(`${model} is not a tenant table: it has no @@id([tenantId, id])`);
  const numbers = appendOnly ? 'lastEventSequence' : 'changeSequence';
  return {
    model,
    table: body.match(/@@map\("(\w+)"\)/)?.[1] ?? model,
    numbered: new RegExp(`^ {2}${numbers} `, 'm').test(body),
  };
}

export function snakeCase(name: string): string {
  return name.replaceAll(/(?<!^)([A-Z])/g, '_$1').toLowerCase();
}

export function camelCase(name: string): string {
  return name
    .replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
    .replace(/^[A-Z]/, (first) => first.toLowerCase());
}

/** "ToolCall" in a sentence: "tool call". */
export function words(name: string): string {
  return snakeCase(name).replaceAll('_', ' ');
}

function plural(name: string): string {
  if (/[^aeiou]y$/.test(name)) return name.replace(/y$/, 'ies');
  return /(s|x|z|ch|sh)$/.test(name) ? `${name}es` : `${name}s`;
}
