import type { InputFieldMap, ObjectRef } from '@pothos/core';
import type { StandardSchemaV1 } from '@pothos/plugin-validation';
import type { Permission } from '../../../auth/permissions.ts';
import type { Viewer } from '../../../auth/viewer.ts';
import { InvalidStateError } from '../../../lib/errors.ts';
import { newId } from '../../../lib/ids.ts';
import { requireFound } from '../../../lib/require-found.ts';
import { requireFreeSlug, slugForNew } from '../../../lib/slug.ts';
import type { Prisma } from '../../../postgres/prisma.ts';
import { tenantKey } from '../../../postgres/request-scope.ts';
import { identifier, queryRows, sql } from '../../../postgres/sql.ts';
import type { ActorContext, SignedInContext } from '../../context.ts';
import { builder, type SchemaTypes } from '../builder.ts';
import { enumValues } from '../enums.ts';
import { mutation } from '../mutation.ts';
import { type Changes, type ColumnInput, changesOf, inputField } from './column-inputs.ts';
import { type ColumnOf, columnsOfModel, type ModelName, type RowOf, requireColumn } from './model-columns.ts';
import type {
  ChangeRow,
  CreateOptions,
  CreateRow,
  EntityNames,
  ErrorClass,
  StatusOf,
  TransitionOptions,
  UpdateOptions,
  UpdateRow,
} from './mutation-options.ts';
import { nodeId } from './node-id.ts';
import { camelCaseOf, upperFirst } from './nouns.ts';
import { delegateOf } from './prisma-delegate.ts';

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>;
type InputFields = PothosSchemaTypes.InputFieldBuilder<Types, 'InputObject'>;

export type { Changes, ColumnInput, ColumnInputs } from './column-inputs.ts';

/** Mutations of plain rows of one entity. Mutations with other logic use `mutation()`. */
export class EntityMutations<Name extends ModelName> {
  readonly #typename: Name;
  readonly #noun: string;
  readonly #ref: ObjectRef<Types, RowOf<Name>>;
  readonly #write: Permission | undefined;
  readonly #inputs: [ColumnOf<Name>, ColumnInput][];
  readonly #table: string;
  readonly #publish: EntityNames<Name>['publish'];

  constructor({ typename, noun, ref, write, inputs, table, publish }: EntityNames<Name>) {
    this.#typename = typename;
    this.#noun = noun;
    this.#ref = ref;
    this.#write = write;
    this.#table = table;
    this.#publish = publish;
    this.#inputs = Object.entries(inputs) as [ColumnOf<Name>, ColumnInput][];
  }

  /** The payload of a mutation: the row after the change, in a field named after the entity. */
  payload(mutationName: string): ObjectRef<Types, RowOf<Name>> {
    const field = camelCaseOf(this.#noun);
    const payload = builder.objectRef<RowOf<Name>>(`${upperFirst(mutationName)}Payload`);
    payload.implement({
      description: `The ${this.#noun} after the change.`,
      fields: (t) => ({
        [field]: t.field({
          type: this.#ref as never,
          description: `The ${this.#noun}.`,
          resolve: ((row: RowOf<Name>) => row) as never,
        }),
      }),
    });
    return payload as never;
  }

  /**
   * The input fields that the entity declares, for mutations written with `mutation()`.
   * @param columns some of them. @default all that a mutation of this kind takes
   */
  inputFields(t: InputFields, on: 'create' | 'update', columns?: readonly ColumnOf<Name>[]): InputFieldMap {
    return Object.fromEntries(
      this.#inputsOf(on, columns).map(([property, input]) => [property, inputField(t, this.#typename, property, input, on)]),
    ) as never;
  }

  /** The columns that such input fields set. */
  changes(given: object): Changes<Name> {
    const properties = this.#inputs.map(([property]) => property);
    return changesOf(this.#typename, properties, given as Record<string, unknown>);
  }

  /**
   * `createX(input)`: writes a row of the viewer's tenant. `createdById` is set to the viewer where the table has it.
   * Returns the function that creates the row, for callers inside the server.
   */
  create<Extra extends InputFieldMap = Record<never, never>>(
    name: string,
    options: CreateOptions<Name, Extra>,
  ): CreateRow<Name, Extra> {
    const { values, after } = options;
    const create: CreateRow<Name, Extra> = async (context, changes, given = {}) => {
      const { prisma, viewer } = context;
      const slug = await this.#slugFor(prisma, changes);
      const added = await values?.({ ...changes, ...slug }, context, given);
      const row = await delegateOf<RowOf<Name>>(prisma, this.#typename).create({
        data: { ...changes, ...slug, ...this.#creator(viewer), ...added, tenantId: viewer.tenantId, id: newId() },
      });
      this.#publish?.(row, context);
      await after?.(row, context);
      return row;
    };
    mutation(name, {
      ...this.#common(options),
      input: (t) => ({ ...this.inputFields(t, 'create'), ...options.arguments?.(t) }),
      payload: this.payload(name),
      resolve: (given, context) => create(context, this.changes(given), given as never),
    });
    return create;
  }

  /** `updateX(input: { id, … })`: changes the columns that the input gives, under a lock of the row. Returns the function that updates the row. */
  update<Extra extends InputFieldMap = Record<never, never>>(
    name: string,
    options: UpdateOptions<Name, Extra>,
  ): UpdateRow<Name, Extra> {
    const { check, values, after } = options;
    const update: UpdateRow<Name, Extra> = async (context, id, changes, given = {}) => {
      await this.#lock(context, id);
      const before = await this.#require(context.prisma, id);
      check?.(before);
      await this.#slugFor(context.prisma, changes, id);
      const added = await values?.(changes, context, given, before);
      const row = await delegateOf<RowOf<Name>>(context.prisma, this.#typename).update({
        where: tenantKey(id),
        data: { ...changes, ...added },
      });
      this.#publish?.(row, context);
      await after?.(row, context);
      return row;
    };
    mutation(name, {
      ...this.#common(options),
      input: (t) => ({ id: this.#idField(t), ...this.inputFields(t, 'update'), ...options.arguments?.(t) }),
      payload: this.payload(name),
      resolve: (given, context) => update(context, given.id, this.changes(given), given as never),
    });
    return update;
  }

  /**
   * `archiveX(input: { id })`: moves a row from one of some states to another in one statement, so that of two concurrent calls only one
   * succeeds. Returns the function that changes the row.
   */
  transition(name: string, options: TransitionOptions<Name>): ChangeRow<Name> {
    const { from, set, refusal, after } = options;
    const change: ChangeRow<Name> = async (context, id) => {
      const [row] = await delegateOf<RowOf<Name>>(context.prisma, this.#typename).updateManyAndReturn({
        where: { id, status: { in: [...from] } },
        data: typeof set === 'function' ? set(context) : set,
      });
      if (!row) {
        const found = await this.#require(context.prisma, id);
        throw new InvalidStateError(typeof refusal === 'function' ? refusal(found) : refusal, { path: ['input', 'id'] });
      }
      this.#publish?.(row, context);
      await after?.(row, context);
      return row;
    };
    this.change(name, { ...options, change });
    return change;
  }

  /**
   * `archiveX` and `restoreX`: transitions of a status column from any other state to ARCHIVED, and from ARCHIVED to ACTIVE.
   * @param descriptions of the two mutations
   */
  archivable(descriptions: { archive: string; restore: string }): void {
    const { type } = requireColumn(this.#typename, 'status');
    const others = Object.values(enumValues(type)).filter((status) => status !== 'ARCHIVED');
    this.transition(`archive${this.#typename}`, {
      description: descriptions.archive,
      from: others as StatusOf<Name>[],
      set: { status: 'ARCHIVED' } as unknown as Changes<Name>,
      refusal: `The ${this.#noun} is already archived.`,
    });
    this.transition(`restore${this.#typename}`, {
      description: descriptions.restore,
      from: ['ARCHIVED' as StatusOf<Name>],
      set: { status: 'ACTIVE' } as unknown as Changes<Name>,
      refusal: `The ${this.#noun} is not archived.`,
    });
  }

  /**
   * A mutation whose only input is the id of an object, and which returns the changed object: `name(input: { id: ID! })`.
   * @param options.change receives the UUID and may throw domain errors
   */
  change(
    name: string,
    options: {
      description: string;
      access?: Permission;
      errors?: ErrorClass[];
      change: (context: SignedInContext, id: string) => Promise<RowOf<Name>>;
    },
  ): void {
    mutation(name, {
      ...this.#common(options),
      input: (t) => ({ id: this.#idField(t) }),
      payload: this.payload(name),
      resolve: (given, context) => options.change(context, given.id),
    });
  }

  /**
   * The slug of a row: the given one, which must be free, or on creation one derived from the name.
   * @param except the id of the row that may already have the slug
   */
  async slug(
    prisma: Prisma,
    { slug, name, except }: { slug?: string | undefined; name?: string | undefined; except?: string | undefined },
  ): Promise<string | undefined> {
    const findHolder = (candidate: string) =>
      delegateOf<{ id: string }>(prisma, this.#typename).findFirst({ where: { slug: candidate } });
    if (slug !== undefined) {
      await requireFreeSlug(findHolder, slug, this.#noun, except);
      return slug;
    }
    return name === undefined ? undefined : slugForNew(findHolder, { slug, name, kind: this.#noun, fallback: this.#noun });
  }

  /** The slug to write, by the input that declares `slugOf`. */
  async #slugFor(prisma: Prisma, changes: Changes<Name>, except?: string): Promise<Changes<Name>> {
    const [property, input] = this.#inputs.find(([, { slugOf }]) => slugOf !== undefined) ?? [];
    if (property === undefined || input?.slugOf === undefined) return {};
    const given = changes as Record<string, string | undefined>;
    const name = except === undefined ? given[input.slugOf] : undefined;
    const slug = await this.slug(prisma, { slug: given[property], name, except });
    return (slug === undefined ? {} : { [property]: slug }) as Changes<Name>;
  }

  /** Locks the row, so that what `check` and `values` see holds until the commit. */
  async #lock({ database }: ActorContext, id: string): Promise<void> {
    await queryRows(database, sql`SELECT FROM ${identifier(this.#table)} WHERE id = ${id}::uuid FOR NO KEY UPDATE`);
  }

  #common({
    description,
    access,
    validate,
    errors,
  }: {
    description: string;
    access?: Permission | undefined;
    validate?: StandardSchemaV1;
    errors?: ErrorClass[];
  }) {
    const required = access ?? this.#write;
    if (required === undefined)
      throw new Error(`${this.#typename} has a mutation without a permission: state access, or write of the entity`);
    return { description, access: required, ...(validate ? { validate } : {}), ...(errors ? { errors } : {}) };
  }

  #inputsOf(on: 'create' | 'update', columns?: readonly ColumnOf<Name>[]): [ColumnOf<Name>, ColumnInput][] {
    return this.#inputs.filter(([property, { only }]) => (columns ? columns.includes(property) : (only ?? on) === on));
  }

  #idField(t: InputFields) {
    return nodeId(t, this.#typename, { required: true, description: `The ${this.#noun}.` });
  }

  #creator({ userId }: Viewer): { createdById?: string } {
    return columnsOfModel(this.#typename).has('createdById') ? { createdById: userId } : {};
  }

  #require(prisma: Prisma, id: string): Promise<RowOf<Name>> {
    const found = delegateOf<RowOf<Name>>(prisma, this.#typename).findFirst({ where: { id } });
    return requireFound(found, `The ${this.#noun}`, ['input', 'id']);
  }
}
