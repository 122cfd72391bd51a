import type { ArgBuilder, InputFieldMap, ObjectRef } from '@pothos/core';
import type { GraphQLResolveInfo } from 'graphql';
import type { Permission } from '../../auth/permissions.ts';
import {
  countByParent,
  countRows,
  DEFAULT_PAGE,
  MAX_PAGE,
  type Page,
  type PageArgs,
  type PageOrder,
  readCount,
  readPage,
  readPages,
} from '../../postgres/keyset-pagination.ts';
import type { Sql } from '../../postgres/sql.ts';
import type { GraphQLContext } from '../context.ts';
import { replayable } from '../field-extensions.ts';
import { builder, type SchemaTypes } from './builder.ts';
import { type ConnectionSelection, dependsOn, selectedConnection } from './selection.ts';

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>;

/** A list type with its table, its orders and its filter: what every connection of that type shares. */
export interface ConnectionOptions<Row extends object, Filter extends object> {
  /** The GraphQL type of a row, such as `Agent`. */
  name: string;
  table: string;
  node: ObjectRef<Types, Row>;
  /** The orders by their enum name; the first is the default. */
  orders: Record<string, PageOrder>;
  /** The filter's input type and what it means. */
  filter?: {
    type: unknown;
    where: (filter: Filter) => Sql[];
    /** Whether `where` also decides what is shown where no filter is given. */
    always?: boolean;
    /** How many rows match, for filters whose number the database keeps. A statement that gives `count`. */
    kept?: (filter: Filter) => Sql | undefined;
  };
}

function pageSizeOf({ first, last }: PageArgs): number {
  return first ?? last ?? DEFAULT_PAGE;
}

interface ConnectionShape<Row> {
  page: Page<Row>;
  count: () => Promise<number>;
}

interface BatchNames {
  page: string;
  count: string;
}

/** By the arguments of a field, which are one object for all its parents. */
const batchNames = new WeakMap<object, BatchNames>();

/** The names of the batches of a list. */
function namesOf(given: object, list: string, { properties, cursors }: ConnectionSelection): BatchNames {
  let names = batchNames.get(given);
  if (!names) {
    const what = `${list}:${JSON.stringify(given)}`;
    names = { page: `page:${what}:${properties} ${cursors}`, count: `count:${what}` };
    batchNames.set(given, names);
  }
  return names;
}

/** Counts along with the page where that is asked for, and else not before. */
function counting({ counted }: ConnectionSelection, count: () => Promise<number>): () => Promise<number> {
  if (!counted) return count;
  const number = count();
  // The page may fail first; then nobody comes to ask.
  number.catch(() => {});
  return () => number;
}

interface ConnectionArgs<Filter> extends PageArgs {
  filter?: Filter | null;
  orderBy?: string | null;
}

export interface ConnectionDefinition<Row extends object> {
  /** `connection: NameConnection!` on Query. */
  onQuery(field: string, options: { description: string; access: Permission }): void;
  /** `connection: NameConnection!` on the type of a parent, batched over all parents of an operation. */
  onParent<Parent extends { id: string }>(
    parent: ObjectRef<Types, Parent>,
    field: string,
    options: { description: string; column: string; access: Permission },
  ): void;
  readonly row?: Row;
}

/**
 * Declares the connection type of a list: edges, nodes, page info and a total that is only counted when asked for. Pages are
 * read by keyset, a root list in one statement, the lists of any number of parents in one statement as well.
 */
export function defineConnection<Row extends object, Filter extends object>(
  type: ConnectionOptions<Row, Filter>,
): ConnectionDefinition<Row> {
  const Edge = builder.objectRef<{ cursor: string; node: Row }>(`${type.name}Edge`).implement({
    description: `A ${type.name} and its place in a list.`,
    fields: (t) => ({
      cursor: t.exposeString('cursor', { description: 'The place, for `after` and `before`.' }),
      node: t.field({ type: type.node as never, description: 'The object.', resolve: (edge) => edge.node as never }),
    }),
  });
  const Connection = builder.objectRef<ConnectionShape<Row>>(`${type.name}Connection`).implement({
    description: `A page of a list of ${type.name} objects.`,
    fields: (t) => ({
      edges: t.field({
        type: [Edge],
        description: 'The objects with their places.',
        complexity: { field: 0, multiplier: 1 },
        resolve: ({ page }) => page.edges,
      }),
      nodes: t.field({
        type: [type.node] as never,
        description: 'The objects alone.',
        complexity: { field: 0, multiplier: 1 },
        resolve: ({ page }) => page.nodes as never,
      }),
      pageInfo: t.field({
        type: builder.pageInfoRef(),
        description: 'Whether there is more.',
        resolve: ({ page }) => page.pageInfo,
      }),
      totalCount: t.int({
        description: 'How many objects the list has, with its filter, over all pages. Counted only when asked for.',
        complexity: 10,
        resolve: ({ count }) => count(),
      }),
    }),
  });

  const orderNames = Object.keys(type.orders);
  const Order = builder.enumType(`${type.name}Order`, {
    description: `The orders of lists of ${type.name} objects.`,
    values: Object.fromEntries(
      Object.entries(type.orders).map(([name, { column, direction }]) => [
        name,
        { description: `By ${column.replaceAll('_', ' ')}, ${direction === 'ASC' ? 'ascending' : 'descending'}.` },
      ]),
    ),
  });

  const source = (args: ConnectionArgs<Filter>) => ({
    table: type.table,
    order: type.orders[args.orderBy ?? orderNames[0] ?? ''] as PageOrder,
    where: type.filter && (args.filter || type.filter.always) ? type.filter.where(args.filter ?? ({} as Filter)) : [],
  });

  const options = (description: string, access: Permission) => ({
    type: Connection,
    description,
    authScopes: { permission: access },
    complexity: (args: object) => ({ field: 5, multiplier: Math.min(Math.max(pageSizeOf(args), 1), MAX_PAGE) }),
  });

  const args = (t: { arg: ArgBuilder<Types> }): InputFieldMap => ({
    first: t.arg.int({ description: 'How many from the front, at most 100. 20 when nothing is said.' }),
    after: t.arg.string({ description: 'Only what comes after this cursor.' }),
    last: t.arg.int({ description: 'How many from the back, at most 100.' }),
    before: t.arg.string({ description: 'Only what comes before this cursor.' }),
    orderBy: t.arg({ type: Order, description: `The order. ${orderNames[0]} when nothing is said.` }),
    ...(type.filter ? { filter: t.arg({ type: type.filter.type as never, description: 'Only objects that match.' }) } : {}),
  });

  return {
    onQuery(field, { description, access }) {
      builder.queryField(field, (t) =>
        t.field({
          ...options(description, access),
          args: args(t),
          extensions: replayable,
          resolve: (async (
            _root: unknown,
            given: ConnectionArgs<Filter>,
            { database }: GraphQLContext,
            info: GraphQLResolveInfo,
          ) => {
            const selection = selectedConnection(info);
            const count = counting(selection, () => {
              const kept = type.filter?.kept?.(given.filter ?? ({} as Filter));
              return kept ? readCount(database, kept) : countRows(database, source(given));
            });
            return { page: await readPage<Row>(database, source(given), given, selection), count };
          }) as never,
        }),
      );
    },
    onParent(parent, field, { description, column, access }) {
      builder.objectField(parent as never, field, (t) =>
        t.field({
          ...options(description, access),
          args: args(t),
          extensions: dependsOn('id'),
          resolve: (async (
            row: { id: string },
            given: ConnectionArgs<Filter>,
            { database, loaders }: GraphQLContext,
            info: GraphQLResolveInfo,
          ) => {
            const selection = selectedConnection(info);
            const names = namesOf(given, `${type.name}.${column}`, selection);
            const pages = loaders.get(names.page, (ids) =>
              readPages<Row>(database, source(given), given, column, ids, selection),
            );
            const counts = loaders.get(names.count, (ids) => countByParent(database, source(given), column, ids));
            const count = counting(selection, () => counts.load(row.id));
            return { page: await pages.load(row.id), count };
          }) as never,
        }),
      );
    },
  };
}
