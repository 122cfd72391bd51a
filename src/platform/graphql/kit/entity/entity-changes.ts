import type { ObjectRef } from '@pothos/core';
import type { Permission } from '../../../auth/permissions.ts';
import { type Changed, type ChangeLog, changeLog, publishChange } from '../../../live/change-log.ts';
import type { ActorContext } from '../../context.ts';
import type { SchemaTypes } from '../builder.ts';
import { logSubscription } from '../log-subscription.ts';
import { type ColumnOf, type ModelName, type RowOf, requireColumn } from './model-columns.ts';

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>;

/** An entity on whose type a list or a field is added. */
export interface ParentEntity {
  readonly typename: string;
  readonly table: string;
  readonly noun: string;
}

export interface ChangesOptions<Name extends ModelName> {
  /** The name on the wire of the notification bus, at most 19 characters of [a-z-]. */
  topic: string;
  /**
   * The entity whose log it is, which numbers the changes, and the column that refers to it. Without it, each row has a log of its own.
   * The table has `change_sequence`, which `app.number_changes` maintains.
   */
  of?: { entity: ParentEntity; column: ColumnOf<Name> };
  /** How a client resumes after an interruption, a sentence for the end of the stream. */
  resume: string;
  subscription: {
    field: string;
    description: string;
    afterEnd?: string;
    argument?: string;
    /** The description of the argument `after`, which resumes. Expose `changeSequence` on the row and on the parent with it. */
    after?: string;
  };
}

/** Declares the log of an entity and its subscription. */
export function declareChanges<Name extends ModelName>(
  typename: Name,
  noun: string,
  { table, access, changes }: { table: string; access: Permission; changes: ChangesOptions<Name> },
  type: ObjectRef<Types, RowOf<Name>>,
): ChangeLog<Changed<RowOf<Name>>> {
  const { topic, of, resume, subscription } = changes;
  requireColumn(typename, 'changeSequence');
  const parent = of && { table: of.entity.table, column: requireColumn(typename, of.column).column };
  const log = changeLog<RowOf<Name> & { id: string }>({
    topic,
    subject: `The ${of?.entity.noun ?? noun}`,
    resume,
    table,
    ...(parent ? { parent } : {}),
  }) as ChangeLog<Changed<RowOf<Name>>>;
  const { field, ...texts } = subscription;
  logSubscription(field, { log, type, typename: of?.entity.typename ?? typename, access, ...texts } as never);
  return log;
}

/** Publishes the change of a row that a mutation of the kit wrote. The trigger has put the number of the change into the row. */
export function publisherOf<Name extends ModelName>(
  log: ChangeLog<Changed<RowOf<Name>>>,
  parent: ColumnOf<Name> | undefined,
): (row: RowOf<Name>, context: ActorContext) => void {
  return (row, { live }) => {
    const { tenantId, id, changeSequence, ...columns } = row as { tenantId: string; id: string; changeSequence: bigint };
    const object = parent === undefined ? id : (columns as Record<string, string>)[parent];
    if (object !== undefined) publishChange(live, log, { tenantId, id: object, sequence: changeSequence });
  };
}
