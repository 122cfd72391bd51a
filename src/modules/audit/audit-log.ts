import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { sql } from '../../platform/postgres/sql.ts';
import { User } from '../tenancy/exports.ts';

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
    user: User,
  },
  list: {
    orders: ['-id', 'id'],
    filter: (f) => ({
      action: f.is('action'),
      resourceType: f.is('resourceType'),
      resourceId: f.where<string>(
        'UUID',
        'Entries about the object with this UUID.',
        (id) => sql`audit_logs.resource_id = ${id}::uuid`,
      ),
      userId: f.refersTo('userId', 'User'),
      status: f.is('status'),
      requestId: f.is('requestId'),
      after: f.recordedAfter(),
      before: f.recordedBefore(),
    }),
  },
  root: { many: { field: 'auditLogs', description: 'The audit log of the tenant: each change with its actor and origin.' } },
});
