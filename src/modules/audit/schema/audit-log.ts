import { AuditActor, AuditStatus } from '../../../generated/prisma/enums.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { defineConnection } from '../../../platform/graphql/kit/connection.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { nodeLoader } from '../../../platform/graphql/kit/node-loader.ts';
import { dependsOn, selectedProperties } from '../../../platform/graphql/kit/selection.ts';
import { sql } from '../../../platform/postgres/sql.ts';
import { tenantKey } from '../../../platform/postgres/tenant-key.ts';
import { loadUser, User } from '../../tenancy/exports.ts';

const AuditActorEnum = builder.enumType(AuditActor, { name: 'AuditActor', description: 'Who acted.' });
const AuditStatusEnum = builder.enumType(AuditStatus, { name: 'AuditStatus', description: 'Whether an action was carried out.' });

export const AuditLog = builder.prismaNode('AuditLog', {
  nullable: true,
  authScopes: { permission: 'audit:read' },
  id: { resolve: ({ id }) => id },
  findUnique: tenantKey,
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    actor: t.expose('actor', { type: AuditActorEnum }),
    apiKeyId: t.expose('apiKeyId', { type: 'UUID', nullable: true }),
    action: t.exposeString('action'),
    resourceType: t.exposeString('resourceType'),
    resourceId: t.expose('resourceId', { type: 'UUID', nullable: true }),
    oldValues: t.expose('oldValues', { type: 'JSONObject', nullable: true }),
    newValues: t.expose('newValues', { type: 'JSONObject', nullable: true }),
    ip: t.exposeString('ip', { nullable: true }),
    userAgent: t.exposeString('userAgent', { nullable: true }),
    requestId: t.exposeString('requestId', { nullable: true }),
    status: t.expose('status', { type: AuditStatusEnum }),
    errorMessage: t.exposeString('errorMessage', { nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    user: t.field({
      type: User,
      nullable: true,
      description: 'The person, where one acted or owns the API key. Null once they have left the tenant.',
      extensions: dependsOn('userId'),
      resolve: ({ userId }, _args, context, info) => loadUser(context, userId, selectedProperties(info, 'User')),
    }),
  }),
});

nodeLoader<typeof AuditLog.$inferType>('AuditLog', 'audit_logs');

const AuditLogFilter = builder.inputType('AuditLogFilter', {
  description: 'Which audit logs. All conditions must hold.',
  fields: (t) => ({
    action: t.string({ description: 'This action, such as `agent.created`.' }),
    resourceType: t.string({ description: 'Done to this kind of object, such as `agent`.' }),
    resourceId: t.field({ type: 'UUID', description: 'Done to this object.' }),
    userId: t.id({ description: 'By this person.' }),
    status: t.field({ type: AuditStatusEnum, description: 'With this outcome.' }),
    requestId: t.string({ description: 'In this request.' }),
    after: t.field({ type: 'DateTime', description: 'At or after this moment.' }),
    before: t.field({ type: 'DateTime', description: 'Before this moment.' }),
  }),
});

const auditLogList = defineConnection({
  name: 'AuditLog',
  table: 'audit_logs',
  node: AuditLog,
  orders: {
    NEWEST_FIRST: { column: 'id', type: 'uuid', direction: 'DESC' },
    OLDEST_FIRST: { column: 'id', type: 'uuid', direction: 'ASC' },
  },
  filter: {
    type: AuditLogFilter,
    where: ({
      action,
      resourceType,
      resourceId,
      userId,
      status,
      requestId,
      after,
      before,
    }: typeof AuditLogFilter.$inferInput) => [
      ...(action ? [sql`audit_logs.action = ${action}`] : []),
      ...(resourceType ? [sql`audit_logs.resource_type = ${resourceType}`] : []),
      ...(resourceId ? [sql`audit_logs.resource_id = ${resourceId}::uuid`] : []),
      ...(userId ? [sql`audit_logs.user_id = ${parseId('User', userId, ['filter', 'userId'])}::uuid`] : []),
      ...(status ? [sql`audit_logs.status = ${status}::audit_status`] : []),
      ...(requestId ? [sql`audit_logs.request_id = ${requestId}`] : []),
      // The id begins with the time, and months are partitions of ids: this reads only the months it must.
      ...(after ? [sql`audit_logs.id >= app.uuid_v7_floor(${after}::timestamptz)`] : []),
      ...(before ? [sql`audit_logs.id < app.uuid_v7_floor(${before}::timestamptz)`] : []),
    ],
  },
});

auditLogList.onQuery('auditLogs', { description: 'What was done in the tenant, by whom and from where.', access: 'audit:read' });
