import type { FieldMap } from '@pothos/core';
import type { PrismaModelTypes, PrismaNodeRef } from '@pothos/plugin-prisma';
import type PrismaTypes from '../../../../generated/pothos.ts';
import type { Permission } from '../../../auth/permissions.ts';
import { requireFound } from '../../../lib/require-found.ts';
import type { Changed, ChangeLog } from '../../../live/change-log.ts';
import type { Database } from '../../../postgres/database.ts';
import { type Page, type PageArgs, type PageOrder, readPage } from '../../../postgres/keyset-pagination.ts';
import type { Prisma } from '../../../postgres/prisma.ts';
import { tenantKey } from '../../../postgres/request-scope.ts';
import type { Sql } from '../../../postgres/sql.ts';
import { tenantScoped } from '../../tenant-scoped.ts';
import { builder, type SchemaTypes } from '../builder.ts';
import { type ConnectionDefinition, defineConnection } from '../connection.ts';
import { nodeLoader, type TableLoader } from '../node-loader.ts';
import { nodeQuery } from '../node-query.ts';
import type { ColumnInputs } from './column-inputs.ts';
import { type ChangesOptions, declareChanges, type ParentEntity, publisherOf } from './entity-changes.ts';
import {
  exposeColumn,
  type LooseFieldBuilder,
  type Reference,
  type ReferenceTarget,
  referenceField,
  type ScalarName,
} from './entity-fields.ts';
import { type EntityFilter, FilterBuilder, type FilterFields, type FilterValues, filterType } from './entity-filters.ts';
import { EntityMutations } from './entity-mutations.ts';
import { type ColumnOf, columnsOfModel, type ModelName, type RowOf, requireColumn } from './model-columns.ts';
import { articleOf, nounOf, upperFirst } from './nouns.ts';
import { delegateOf } from './prisma-delegate.ts';

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>;
type Model<Name extends ModelName> = PrismaModelTypes & PrismaTypes[Name];

/** An order of a list: a column, ascending, or with `-` in front of it descending. */
type OrderSpec<Name extends ModelName> = ColumnOf<Name> | `-${ColumnOf<Name>}`;

export interface ListOptions<Name extends ModelName, Fields extends FilterFields> {
  /** The orders, the first of which is the default: columns of text, integer, time or the id that are never null. The enum values are `CREATED_AT_DESC` for `-createdAt`, `NEWEST_FIRST` for `-id`. */
  orders: readonly OrderSpec<Name>[];
  /** Enum values that differ from those names. */
  orderNames?: Partial<Record<OrderSpec<Name>, string>>;
  /** The conditions of the filter, all of which must hold. */
  filter?: (f: FilterBuilder<Name>) => Fields;
  /** The description of the filter's input type. @default "Conditions on {plural}, all of which must hold." */
  filterDescription?: string;
  /** A statement that returns `count` for filters whose number of rows the database maintains. */
  maintainedCount?: (filter: FilterValues<Fields>) => Sql | undefined;
}

export interface EntityOptions<Name extends ModelName, Fields extends FilterFields> {
  /** The table in SQL. */
  table: string;
  /** The permission to read it, also in lists. */
  access: Permission;
  /** The permission of mutations that do not name another. Without it, each mutation of the kit must name one. */
  write?: Permission;
  /** Rules of the type beside `access`, such as for the viewer's own rows. */
  authScopes?: unknown;
  /** The entity in messages and payloads, such as `run` for AgentRun. @default the type's name in lower case */
  noun?: string;
  /** The noun for several. @default `noun` followed by `s` */
  plural?: string;
  /** Whether rows belong to a tenant, so that their key includes it. @default true */
  ofTenant?: boolean;
  /**
   * The exposed columns. Types, nullability and descriptions come from the Prisma schema; `uuid`, and `createdAt` and `updatedAt` where
   * the table has them, are implied.
   */
  columns: readonly ColumnOf<Name>[];
  /** Implied columns that are not exposed. */
  omit?: readonly ('createdAt' | 'updatedAt')[];
  /** GraphQL types of columns where the Prisma type leaves a choice: Json is JSONObject, String is String without an entry here. */
  types?: Partial<Record<ColumnOf<Name>, ScalarName>>;
  /** Descriptions of columns that differ from the Prisma schema's. */
  descriptions?: Partial<Record<ColumnOf<Name>, string>>;
  /** Objects that columns refer to, by field: the target alone where the column's comment describes the field. */
  references?: Record<string, Reference<Name> | ReferenceTarget>;
  /** The columns that mutations set, with their rules. `mutations.create` and `mutations.update` take them. */
  inputs?: ColumnInputs<Name>;
  /** Other fields, with the plain Pothos builder. */
  fields?: (t: PothosSchemaTypes.PrismaObjectFieldBuilder<Types, Model<Name>, RowOf<Name>>) => FieldMap;
  /** Lists of the entity: on Query (`root.many`) and on other types (`listOn`). */
  list?: ListOptions<Name, Fields>;
  /** The log of changes of the rows, with the subscription that delivers them. */
  changes?: ChangesOptions<Name>;
  /** Whether the fields are the same for every viewer of the tenant with the same rights, so that viewers share results of events. */
  tenantScoped?: boolean;
  /** Fields on Query: `one` loads by id, `many` is the list of the tenant. */
  root?: { one?: string; many?: string | RootField };
}

interface RootField {
  field: string;
  description: string;
}

export interface EntityParts<Name extends ModelName, Fields extends FilterFields> {
  readonly typename: Name;
  readonly table: string;
  readonly noun: string;
  readonly access: Permission;
  /** The log that `changes` declares, for `publishChange` after a write. Throws where the entity declares none. */
  readonly log: ChangeLog<Changed<RowOf<Name>>>;
  /** Loads by id, all ids of one tick in one statement. */
  readonly load: TableLoader<RowOf<Name>>;
  /** Mutations of plain rows. */
  readonly mutations: EntityMutations<Name>;
  /** Adds the list of the rows that belong to a parent: `field` on the type of the parent. */
  listOn(
    parent: ParentEntity,
    field: string,
    options: { column: ColumnOf<Name>; description?: string; access?: Permission },
  ): void;
  /** One page of the list, outside of GraphQL. The order defaults to the list's own. */
  page(database: Database, filter: FilterValues<Fields>, args: PageArgs, order?: OrderSpec<Name>): Promise<Page<RowOf<Name>>>;
  /** Throws NotFoundError where the object does not exist or belongs to another tenant. */
  require(prisma: Prisma, id: string, path: string[]): Promise<RowOf<Name>>;
}

export type Entity<Name extends ModelName, Fields extends FilterFields = FilterFields> = PrismaNodeRef<
  Types,
  Model<Name>,
  RowOf<Name>
> &
  EntityParts<Name, Fields>;

/** Types of the columns that a cursor can hold. */
const ORDER_TYPES: Record<string, PageOrder['type']> = { DateTime: 'timestamptz', String: 'text', Int: 'integer' };

function orderOf(model: string, spec: string): [name: string, order: PageOrder] {
  const descending = spec.startsWith('-');
  const { property, column, type, isNullable } = requireColumn(model, descending ? spec.slice(1) : spec);
  if (isNullable) throw new Error(`${model} cannot be ordered by ${property}: a cursor cannot hold null`);
  const direction = descending ? 'DESC' : 'ASC';
  // Ids are UUIDv7: their order is the order of creation.
  if (property === 'id') return [descending ? 'NEWEST_FIRST' : 'OLDEST_FIRST', { column, type: 'uuid', direction }];
  const orderType = ORDER_TYPES[type];
  if (!orderType) throw new Error(`${model} cannot be ordered by ${property}: cursors have no ${type}`);
  return [`${column.toUpperCase()}_${direction}`, { column, type: orderType, direction }];
}

/**
 * Declares an entity: a table as a GraphQL node with its exposed columns, references, lists, root fields and filters. The result is the
 * Pothos ref of the type, with the loader and the mutations of plain rows beside it. Where a field needs more, `fields` takes the plain
 * builder, and `builder.objectField` works on the result as on any ref.
 */
export function entity<Name extends ModelName, Fields extends FilterFields = Record<never, never>>(
  typename: Name,
  options: EntityOptions<Name, Fields>,
): Entity<Name, Fields> {
  const { table, access, references = {}, ofTenant = true } = options;
  const types: Partial<Record<string, ScalarName>> = options.types ?? {};
  const descriptions: Partial<Record<string, string>> = options.descriptions ?? {};
  const noun = options.noun ?? nounOf(typename);
  const plural = options.plural ?? `${noun}s`;
  const implied = (['createdAt', 'updatedAt'] as const).filter(
    (property) => columnsOfModel(typename).has(property) && !options.omit?.includes(property),
  );
  const exposed = [...new Set<string>([...options.columns, ...implied])];

  const ref = builder.prismaNode(
    typename as never,
    {
      nullable: true,
      authScopes: options.authScopes ?? { permission: access },
      ...(options.tenantScoped ? { extensions: tenantScoped(table) } : {}),
      id: { resolve: ({ id }: { id: string }) => id },
      findUnique: ofTenant ? tenantKey : (id: string) => ({ id }),
      fields: (t: LooseFieldBuilder) => ({
        uuid: t.expose('id', { type: 'UUID' }),
        ...Object.fromEntries(
          exposed.map((property) => [property, exposeColumn(t, typename, property, types[property], descriptions[property])]),
        ),
        ...Object.fromEntries(
          Object.entries(references).map(([field, reference]) => [field, referenceField(t, typename, field, reference)]),
        ),
        ...options.fields?.(t as never),
      }),
    } as never,
  ) as unknown as PrismaNodeRef<Types, Model<Name>, RowOf<Name>>;

  const load = nodeLoader<RowOf<Name> & { id: string }>(typename, table) as TableLoader<RowOf<Name>>;
  const { list: listOptions, root = {} } = options;
  const orders = Object.fromEntries(
    (listOptions?.orders ?? []).map((spec) => {
      const [name, order] = orderOf(typename, spec);
      return [listOptions?.orderNames?.[spec] ?? name, order];
    }),
  );
  const filter = filterOf(typename, table, plural, listOptions);
  const list = listOptions
    ? (defineConnection({
        name: typename,
        noun,
        table,
        node: ref as never,
        orders,
        ...(filter
          ? { filter: { ...filter, ...(listOptions.maintainedCount ? { maintainedCount: listOptions.maintainedCount } : {}) } }
          : {}),
      } as never) as ConnectionDefinition<RowOf<Name>>)
    : undefined;
  const requireList = () => {
    if (!list) throw new Error(`${typename} declares no list`);
    return list;
  };

  if (root.many) {
    const many = typeof root.many === 'string' ? { field: root.many, description: `The ${plural} of the tenant.` } : root.many;
    requireList().onQuery(many.field, { description: many.description, access });
  }
  if (root.one) {
    const what = `${articleOf(noun)} ${noun}`;
    nodeQuery(root.one, { type: ref as never, typename, what, access, load: load as never });
  }

  const log = options.changes && declareChanges(typename, noun, { ...options, changes: options.changes }, ref as never);

  const parts: EntityParts<Name, Fields> = {
    typename,
    table,
    noun,
    access,
    get log() {
      if (!log) throw new Error(`${typename} declares no changes`);
      return log;
    },
    load,
    mutations: new EntityMutations<Name>({
      typename,
      noun,
      ref: ref as never,
      write: options.write,
      inputs: options.inputs ?? {},
      table,
      publish: log && publisherOf(log, options.changes?.of?.column),
    }),
    listOn(parent, field, { column, description, access: own }) {
      requireList().onParent(parent as never, field, {
        column: requireColumn(typename, column).column,
        description: description ?? `${upperFirst(plural)} of the ${parent.noun}.`,
        access: own ?? access,
      });
    },
    page(database, given, args, order) {
      const [, pageOrder] = orderOf(typename, order ?? listOptions?.orders[0] ?? '-id');
      return readPage(database, { table, order: pageOrder, where: filter ? filter.where(given) : [] }, args);
    },
    require: (prisma, id, path) =>
      requireFound(delegateOf<RowOf<Name>>(prisma, typename).findFirst({ where: { id } }), `The ${noun}`, path),
  };
  Object.defineProperties(ref, Object.getOwnPropertyDescriptors(parts));
  return ref as Entity<Name, Fields>;
}

function filterOf<Name extends ModelName, Fields extends FilterFields>(
  typename: Name,
  table: string,
  plural: string,
  options: ListOptions<Name, Fields> | undefined,
): EntityFilter<Fields> | undefined {
  if (!options?.filter) return undefined;
  const description = options.filterDescription ?? `Conditions on ${plural}, all of which must hold.`;
  return filterType(typename, description, options.filter(new FilterBuilder(typename, table, plural)));
}
