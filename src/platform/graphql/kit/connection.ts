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
import { upperFirst, withArticle } from './entity/nouns.ts';
import { type ConnectionSelection, dependsOn, selectedConnection } from './selection.ts';

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>;

/** The table, orders and filter that all connections of a type share. */
export interface ConnectionOptions<Row extends object, Filter extends object> {
  /** The GraphQL type of a row, such as `Agent`. */
  name: string;
  /** A row in prose, such as `API key`. */
  noun: string;
  table: string;
  node: ObjectRef<Types, Row>;
  /** The orders by their enum name; the first is the default. */
  orders: Record<string, PageOrder>;
  /** The filter's input type and its conditions. */
  filter?: {
    type: unknown;
    where: (filter: Filter) => Sql[];
    /** Whether `where` adds conditions without a filter argument too. */
    always?: boolean;
    /** A statement that returns `count` for filters whose number of rows the database maintains. */
    maintainedCount?: (filter: Filter) => Sql | undefined;
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

/** The field of a column in a description. Ids are UUIDv7: their order is the order of creation. */
function orderedBy(column: string): string {
  return column === 'id'
    ? 'time of creation'
    : `\`${column.replaceAll(/_(.)/g, (_match, letter: string) => letter.toUpperCase())}\``;
}

/** By the arguments of a field, which all its parents share as one object. */
const batchNames = new WeakMap<object, BatchNames>();

/** The names of the loaders of a list. */
function namesOf(given: object, list: string, { properties, cursors }: ConnectionSelection): BatchNames {
  let names = batchNames.get(given);
  if (!names) {
    const what = `${list}:${JSON.stringify(given)}`;
    names = { page: `page:${what}:${properties} ${cursors}`, count: `count:${what}` };
    batchNames.set(given, names);
  }
  return names;
}

/** Starts to count together with the page if the count is selected. */
function counting({ counted }: ConnectionSelection, count: () => Promise<number>): () => Promise<number> {
  if (!counted) return count;
  const number = count();
  // If the page fails, nothing awaits the count.
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
 * Declares the connection type of a list: edges, nodes, page info, and a total that is counted only if it is selected. It reads pages by
 * keyset: one statement for a root list, and one for the lists of all parents.
 */
export function defineConnection<Row extends object, Filter extends object>(
  type: ConnectionOptions<Row, Filter>,
): ConnectionDefinition<Row> {
  const Edge = builder.objectRef<{ cursor: string; node: Row }>(`${type.name}Edge`).implement({
    description: `${upperFirst(withArticle(type.noun))} and its position in a list.`,
    fields: (t) => ({
      cursor: t.exposeString('cursor', { description: 'The position of the object, for the arguments `after` and `before`.' }),
      node: t.field({ type: type.node as never, description: 'The object.', resolve: (edge) => edge.node as never }),
    }),
  });
  const Connection = builder.objectRef<ConnectionShape<Row>>(`${type.name}Connection`).implement({
    description: `A page of a list of ${type.name} objects.`,
    fields: (t) => ({
      edges: t.field({
        type: [Edge],
        description: 'The objects of the page with their cursors.',
        complexity: { field: 0, multiplier: 1 },
        resolve: ({ page }) => page.edges,
      }),
      nodes: t.field({
        type: [type.node] as never,
        description: 'The objects of the page.',
        complexity: { field: 0, multiplier: 1 },
        resolve: ({ page }) => page.nodes as never,
      }),
      pageInfo: t.field({
        type: builder.pageInfoRef(),
        description: 'The position of the page in the list.',
        resolve: ({ page }) => page.pageInfo,
      }),
      totalCount: t.int({
        description: 'The number of objects on all pages, with the filter applied.',
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
        { description: `By ${orderedBy(column)}, ${direction === 'ASC' ? 'ascending' : 'descending'}.` },
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
    first: t.arg.int({ description: 'The number of objects from the start of the list, at most 100. 20 by default.' }),
    after: t.arg.string({ description: 'Returns only objects after this cursor.' }),
    last: t.arg.int({ description: 'The number of objects from the end of the list, at most 100.' }),
    before: t.arg.string({ description: 'Returns only objects before this cursor.' }),
    orderBy: t.arg({ type: Order, description: `The order of the list. ${orderNames[0]} by default.` }),
    ...(type.filter
      ? { filter: t.arg({ type: type.filter.type as never, description: 'Returns only objects that match all conditions.' }) }
      : {}),
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
              const maintained = type.filter?.maintainedCount?.(given.filter ?? ({} as Filter));
              return maintained ? readCount(database, maintained) : countRows(database, source(given));
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
