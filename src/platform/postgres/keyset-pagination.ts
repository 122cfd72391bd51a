import { namedCache } from '../lib/cache-stats.ts';
import { ValidationError } from '../lib/errors.ts';
import { anyId, padIdArray } from './id-arrays.ts';
import { camelCase } from './protocol/row-decoder.ts';
import { columnsOf } from './readable-columns.ts';
import { identifier, join, queryRows, raw, type Sql, sql } from './sql.ts';
import type { Queryable } from './transaction.ts';

/** The largest and the default page size. */
export const MAX_PAGE = 100;
export const DEFAULT_PAGE = 20;

/**
 * Page sizes that are literals in the SQL: PostgreSQL then uses its generic plan, while with a parameter it plans each execution. All other
 * sizes share one statement.
 */
const USUAL_SIZES = new Set([1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100]);

/** The order of a list: a column that is never null, then the id, so that the order is total. */
export interface PageOrder {
  column: string;
  /** The type of the column, to which the value of a cursor is cast. */
  type: 'timestamptz' | 'text' | 'integer' | 'uuid';
  direction: 'ASC' | 'DESC';
}

export interface PageArgs {
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
}

export interface PageSource {
  table: string;
  order: PageOrder;
  where: readonly Sql[];
}

export interface Page<Row> {
  nodes: readonly Row[];
  /** Created on access. */
  readonly edges: readonly { cursor: string; node: Row }[];
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string | null; endCursor: string | null };
}

/** What a page selects besides the ids of its rows. */
export interface PageSelection {
  /** The camelCase properties in alphabetical order; undefined selects all. */
  properties?: readonly string[] | undefined;
  /** Whether the rows can be encoded as cursors. */
  cursors: boolean;
}

const WHOLE: PageSelection = { cursors: true };

type Reader = Queryable & { preparedStatements: boolean };
type Keyed = { pageKey?: string; pageParent?: number; id: string };

/** The selected columns of a table, and their SQL by table alias. */
interface Projection {
  columns: readonly string[];
  lists: Map<string, Sql>;
}

/**
 * Projections by table and properties. Sized for 75 tables with 16 selections each. A miss evicts the least recently used projection and
 * costs one pass over the columns of the table.
 */
const projections = namedCache<string, Projection>('projections', { max: 75 * 16 });

function project(table: string, properties: readonly string[] | undefined): Projection {
  const key = properties ? `${table} ${properties.join()}` : table;
  let projection = projections.get(key);
  if (!projection) {
    const wanted = properties && new Set(['id', ...properties]);
    const columns = wanted ? columnsOf(table).filter((column) => wanted.has(camelCase(column))) : columnsOf(table);
    projection = { columns, lists: new Map() };
    projections.set(key, projection);
  }
  return projection;
}

/**
 * The readable columns of a table as SQL, or its id and the columns of `properties`.
 * @param alias the alias of the table in the statement
 */
export function columnList(table: string, properties?: readonly string[], alias = table): Sql {
  const { columns, lists } = project(table, properties);
  let list = lists.get(alias);
  if (!list) {
    list = join(
      columns.map((column) => sql`${identifier(alias)}.${identifier(column)}`),
      ', ',
    );
    lists.set(alias, list);
  }
  return list;
}

function encodeCursor({ table, order }: PageSource, row: Keyed): string {
  if (row.pageKey === undefined) throw new Error(`a page of ${table} was read without cursors`);
  return Buffer.from(JSON.stringify([table, order.column, order.direction, row.pageKey, row.id])).toString('base64url');
}

const CURSOR_VALUE: Record<PageOrder['type'], RegExp> = {
  timestamptz: /^[\d :.+-]{10,40}$/,
  text: /^[\s\S]{0,1000}$/,
  integer: /^-?\d{1,10}$/,
  uuid: /^[0-9a-f-]{36}$/,
};

function decodeCursor({ table, order }: PageSource, cursor: string, argument: string): { key: string; id: string } {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (!Array.isArray(parsed) || parsed.length !== 5) throw new Error('not a cursor');
    const [from, column, direction, key, id] = parsed.map(String) as [string, string, string, string, string];
    const belongs = from === table && column === order.column && direction === order.direction;
    if (belongs && CURSOR_VALUE[order.type].test(key) && CURSOR_VALUE.uuid.test(id)) return { key, id };
  } catch {
    // Thrown below: every invalid cursor has the same message.
  }
  throw ValidationError.inputPath(
    [argument],
    'The cursor is not valid for this list and order. Pass a cursor that this list returned with the same order.',
  );
}

function pageSize(args: PageArgs): { size: number; backward: boolean } {
  const { first, last } = args;
  if (first != null && last != null)
    throw ValidationError.inputPath(['first'], '`first` and `last` are mutually exclusive. Pass one of them.');
  const [argument, size] = last != null ? ['last', last] : ['first', first ?? DEFAULT_PAGE];
  if (size < 0 || size > MAX_PAGE)
    throw ValidationError.inputPath([argument as string], `\`${argument}\` must be between 0 and ${MAX_PAGE}.`);
  return { size, backward: last != null || (first == null && args.before != null) };
}

/** The query for the rows of one page. It seeks the index to the cursor, so that deep pages cost no more than the first. */
function pageRows(
  source: PageSource,
  args: PageArgs,
  selection: PageSelection,
  extra: readonly Sql[],
): { query: Sql; size: number; backward: boolean } {
  const { size, backward } = pageSize(args);
  const key = sql`${identifier(source.table)}.${identifier(source.order.column)}`;
  const type = raw(source.order.type);
  const ascending = (source.order.direction === 'ASC') !== backward;
  const seek = (cursor: string, argument: string, forward: boolean): Sql => {
    const from = decodeCursor(source, cursor, argument);
    const compare = raw((source.order.direction === 'ASC') === forward ? '>' : '<');
    return sql`(${key}, ${identifier(source.table)}.id) ${compare} (${from.key}::${type}, ${from.id}::uuid)`;
  };
  const where = [
    ...extra,
    ...source.where,
    ...(args.after != null ? [seek(args.after, 'after', true)] : []),
    ...(args.before != null ? [seek(args.before, 'before', false)] : []),
  ];
  const direction = raw(ascending ? 'ASC' : 'DESC');
  return {
    size,
    backward,
    query: sql`SELECT ${columnList(source.table, selection.properties)}${selection.cursors ? sql`, ${key}::text AS page_key` : raw('')} FROM ${identifier(source.table)}${
      where.length > 0 ? sql` WHERE ${join(where, ' AND ')}` : raw('')
    } ORDER BY ${key} ${direction}, ${identifier(source.table)}.id ${direction} LIMIT ${USUAL_SIZES.has(size) ? raw(String(size + 1)) : size + 1}`,
  };
}

/** Encodes its cursor on access: most operations select few cursors or none. */
class Edge<Row> {
  readonly node: Row & Keyed;
  readonly #source: PageSource;

  constructor(source: PageSource, node: Row & Keyed) {
    this.#source = source;
    this.node = node;
  }

  get cursor(): string {
    return encodeCursor(this.#source, this.node);
  }
}

class ReadPage<Row> implements Page<Row> {
  readonly nodes: readonly (Row & Keyed)[];
  readonly #source: PageSource;
  readonly #more: boolean;
  readonly #backward: boolean;
  readonly #args: PageArgs;

  constructor(source: PageSource, args: PageArgs, found: (Row & Keyed)[], size: number, backward: boolean) {
    this.#source = source;
    this.#args = args;
    this.#backward = backward;
    this.#more = found.length > size;
    if (this.#more) found.length = size;
    if (backward) found.reverse();
    this.nodes = found;
  }

  get edges(): readonly Edge<Row>[] {
    return this.nodes.map((node) => new Edge(this.#source, node));
  }

  get pageInfo(): Page<Row>['pageInfo'] {
    const { before, after } = this.#args;
    const cursorOf = (node: (Row & Keyed) | undefined) => (node ? encodeCursor(this.#source, node) : null);
    const { nodes } = this;
    return {
      hasNextPage: this.#backward ? before != null : this.#more,
      hasPreviousPage: this.#backward ? this.#more : after != null,
      get startCursor() {
        return cursorOf(nodes[0]);
      },
      get endCursor() {
        return cursorOf(nodes.at(-1));
      },
    };
  }
}

/** Reads one page of a list in one statement. Throws ValidationError for a size out of range and a cursor of another list or order. */
export async function readPage<Row>(
  database: Reader,
  source: PageSource,
  args: PageArgs,
  selection: PageSelection = WHOLE,
): Promise<Page<Row>> {
  const { query, size, backward } = pageRows(source, args, selection, []);
  return new ReadPage<Row>(source, args, await queryRows<Row & Keyed>(database, query), size, backward);
}

/** Reads the same page for many parents in one statement. Returns the pages in the order of `parentIds`. */
export async function readPages<Row>(
  database: Reader,
  source: PageSource,
  args: PageArgs,
  parentColumn: string,
  parentIds: readonly string[],
  selection: PageSelection = WHOLE,
): Promise<Page<Row>[]> {
  const column = sql`${identifier(source.table)}.${identifier(parentColumn)}`;
  const [parentId] = parentIds;
  if (parentIds.length === 1 && parentId) {
    const where = [anyId(column, [parentId]), ...source.where];
    return [await readPage<Row>(database, { ...source, where }, args, selection)];
  }
  const ofParent = sql`${column} = parents.id`;
  const { query, size, backward } = pageRows(source, args, selection, [ofParent]);
  const columns = sql`${columnList(source.table, selection.properties, 'page')}${selection.cursors ? raw(', page.page_key') : raw('')}`;
  const found = await queryRows<Row & Keyed & { pageParent: number }>(
    database,
    sql`SELECT parents.position::integer AS page_parent, ${columns} FROM unnest(${padIdArray(parentIds)}::uuid[]) WITH ORDINALITY AS parents(id, position)
      CROSS JOIN LATERAL (SELECT ranked.*, row_number() OVER () AS page_position FROM (${query}) ranked) page
      ORDER BY parents.position, page.page_position`,
  );
  const byParent: (Row & Keyed)[][] = parentIds.map(() => []);
  for (const row of found) byParent[row.pageParent - 1]?.push(row);
  return byParent.map((ofOne) => new ReadPage<Row>(source, args, ofOne, size, backward));
}

/** Runs a statement that returns one `count`. */
export async function readCount(database: Reader, counted: Sql): Promise<number> {
  const [row] = await queryRows<{ count: number }>(database, counted);
  return row?.count ?? 0;
}

/** Counts the rows of a list. */
export function countRows(database: Reader, source: PageSource): Promise<number> {
  const where = source.where.length > 0 ? sql` WHERE ${join(source.where, ' AND ')}` : raw('');
  return readCount(database, sql`SELECT count(*)::integer AS count FROM ${identifier(source.table)}${where}`);
}

/** Counts the rows for many parents in one statement. Returns the counts in the order of `parentIds`. */
export async function countByParent(
  database: Reader,
  source: PageSource,
  parentColumn: string,
  parentIds: readonly string[],
): Promise<number[]> {
  const column = sql`${identifier(source.table)}.${identifier(parentColumn)}`;
  const where = join([anyId(column, parentIds), ...source.where], ' AND ');
  const counted = await queryRows<{ parent: string; count: number }>(
    database,
    sql`SELECT ${column} AS parent, count(*)::integer AS count FROM ${identifier(source.table)} WHERE ${where} GROUP BY ${column}`,
  );
  const byParent = new Map(counted.map(({ parent, count }) => [parent, count]));
  return parentIds.map((id) => byParent.get(id) ?? 0);
}
