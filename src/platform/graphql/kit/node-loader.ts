import { anyId } from '../../postgres/id-arrays.ts';
import { columnList } from '../../postgres/keyset-pagination.ts';
import { identifier, queryRows, sql } from '../../postgres/sql.ts';
import type { GraphQLContext } from '../context.ts';

/**
 * Loads one object. Returns null without an id, and for an object that does not exist or is not visible.
 * @param properties the properties of the row to read. @default all
 */
export type LoadById<Row> = (
  context: GraphQLContext,
  id: string | null | undefined,
  properties?: readonly string[],
) => Promise<Row | null> | null;

/** Loads the objects of a type from its table. */
export interface TableLoader<Row> extends LoadById<Row> {
  /**
   * Lets `read` return the row of an id, whatever its properties, until the loaders are cleared: at most once, at the first load.
   * Does nothing without an id.
   */
  prime(context: GraphQLContext, id: string | undefined, read: () => Promise<Row | null>): void;
}

const ID = identifier('id');
const loaders = new Map<string, LoadById<object>>();

/** Creates the function that loads objects of a type by id, all ids of one tick in one statement. */
export function nodeLoader<Row extends { id: string }>(typename: string, table: string): TableLoader<Row> {
  const name = `byId:${typename}`;
  const load: LoadById<Row> = (context, id, properties) => {
    if (id == null) return null;
    const primed = context.loaders.primed<Row | null>(name, id);
    if (primed) return primed;
    const { database } = context;
    const loader = context.loaders.get<Row | null>(properties ? `${name}:${properties}` : name, async (ids) => {
      const query = sql`SELECT ${columnList(table, properties)} FROM ${identifier(table)} WHERE ${anyId(ID, ids)}`;
      const found = new Map((await queryRows<Row>(database, query)).map((row) => [row.id, row]));
      return ids.map((key) => found.get(key) ?? null);
    });
    return loader.load(id);
  };
  loaders.set(typename, load);
  return Object.assign(load, {
    prime(context: GraphQLContext, id: string | undefined, read: () => Promise<Row | null>): void {
      if (id !== undefined) context.loaders.prime(name, id, read);
    },
  });
}

/** The function that `nodeLoader` created for a type; undefined if it created none. */
export function nodeLoaderOf(typename: string): LoadById<object> | undefined {
  return loaders.get(typename);
}
