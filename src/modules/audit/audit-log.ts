import { AuditActor, AuditStatus } from '../../generated/prisma/enums.ts';
import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { enumOf } from '../../platform/graphql/kit/enums.ts';
import { sql } from '../../platform/postgres/sql.ts';
import { User } from '../tenancy/exports.ts';

enumOf(
  'AuditActor',
  AuditActor,
  'Kind of actor: USER for a signed-in user, API_KEY for an API key, SYSTEM for the server itself.',
);
enumOf('AuditStatus', AuditStatus, 'Outcome of an action: SUCCESS if it took effect, FAILURE if the server rejected it.');

export type AuditLog = RowOf<'AuditLog'>;
export const AuditLog = entity('AuditLog', {
  table: 'audit_logs',
  access: 'audit:read',
  columns: [
    'actor',
    'apiKeyId',
    'action',
    'resourceType',
    'resourceId',
    'oldValues',
    'newValues',
    'ip',
    'userAgent',
    'requestId',
    'status',
    'errorMessage',
  ],
  types: { apiKeyId: 'UUID', resourceId: 'UUID' },
  references: {
    user: { to: User, description: 'User who acted, or the owner of the API key. Null if the user has left the tenant.' },
  },
  list: {
    orders: ['-id', 'id'],
    filter: (f) => ({
      action: f.is('action', 'Entries with this action, such as `agent.created`.'),
      resourceType: f.is('resourceType', 'Entries about this type of object, such as `agent`.'),
      resourceId: f.where<string>(
        'UUID',
        'Entries about the object with this UUID.',
        (id) => sql`audit_logs.resource_id = ${id}::uuid`,
      ),
      userId: f.refersTo('userId', 'User', 'Entries whose actor is this user or an API key of this user.'),
      status: f.is('status', 'Entries with this outcome.'),
      requestId: f.is('requestId', 'Entries written by the request with this `x-request-id`.'),
      // An id starts with its time of creation, and partitions are ranges of ids: these conditions exclude partitions.
      after: f.where<Date>(
        'DateTime',
        'Entries written at or after this time.',
        (time) => sql`audit_logs.id >= app.uuid_v7_floor(${time}::timestamptz)`,
      ),
      before: f.where<Date>(
        'DateTime',
        'Entries written before this time.',
        (time) => sql`audit_logs.id < app.uuid_v7_floor(${time}::timestamptz)`,
      ),
    }),
  },
  root: { many: { field: 'auditLogs', description: 'The audit log of the tenant: each change with its actor and origin.' } },
});
