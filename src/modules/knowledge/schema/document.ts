import type { Document as DocumentRow } from '../../../generated/prisma/client.ts';
import { DocumentStatus } from '../../../generated/prisma/enums.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { defineConnection } from '../../../platform/graphql/kit/connection.ts';
import { nodeLoader } from '../../../platform/graphql/kit/node-loader.ts';
import { nodeQuery } from '../../../platform/graphql/kit/node-query.ts';
import { dependsOn } from '../../../platform/graphql/kit/selection.ts';
import { tenantScoped } from '../../../platform/graphql/tenant-scoped.ts';
import { sql } from '../../../platform/postgres/sql.ts';
import { tenantKey } from '../../../platform/postgres/tenant-key.ts';
import { containsText } from '../../../platform/postgres/text-search.ts';
import { loadUser, User } from '../../tenancy/exports.ts';
import { Collection, loadCollection } from './collection.ts';

export const DocumentStatusEnum = builder.enumType(DocumentStatus, {
  name: 'DocumentStatus',
  description:
    'How far a document has come. PENDING waits for a worker, PROCESSING is being read, INDEXED can be found, FAILED says why.',
});

function progressOf({ status, chunkCount, totalChunks }: DocumentRow): number {
  if (status === 'INDEXED') return 1;
  return totalChunks ? chunkCount / totalChunks : 0;
}

export const Document = builder.prismaNode('Document', {
  nullable: true,
  extensions: tenantScoped('documents'),
  authScopes: { permission: 'knowledge:read' },
  id: { resolve: ({ id }) => id },
  findUnique: tenantKey,
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    title: t.exposeString('title'),
    filename: t.exposeString('filename', { nullable: true }),
    mediaType: t.exposeString('mediaType'),
    sizeBytes: t.expose('sizeBytes', { type: 'BigInt' }),
    contentHash: t.exposeString('contentHash'),
    status: t.expose('status', { type: DocumentStatusEnum }),
    chunkCount: t.exposeInt('chunkCount'),
    totalChunks: t.exposeInt('totalChunks', { nullable: true }),
    progress: t.float({
      description: 'How much of it can be found: chunks there over chunks in all, 0 to 1.',
      resolve: progressOf,
    }),
    embeddingTokens: t.expose('embeddingTokens', { type: 'BigInt' }),
    errorCode: t.exposeString('errorCode', { nullable: true }),
    errorMessage: t.exposeString('errorMessage', { nullable: true }),
    metadata: t.expose('metadata', { type: 'JSONObject' }),
    uploadedAt: t.expose('uploadedAt', { type: 'DateTime' }),
    processingStartedAt: t.expose('processingStartedAt', { type: 'DateTime', nullable: true }),
    processedAt: t.expose('processedAt', { type: 'DateTime', nullable: true }),
    deletedAt: t.expose('deletedAt', { type: 'DateTime', nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    collection: t.field({
      type: Collection,
      nullable: true,
      description: 'The collection.',
      extensions: dependsOn('collectionId'),
      resolve: ({ collectionId }, _args, context) => loadCollection(context, collectionId),
    }),
    uploadedBy: t.field({
      type: User,
      nullable: true,
      description: 'Who brought it. Null once they have left the tenant.',
      extensions: dependsOn('uploadedById'),
      resolve: ({ uploadedById }, _args, context) => loadUser(context, uploadedById),
    }),
  }),
});

export const loadDocument = nodeLoader<typeof Document.$inferType>('Document', 'documents');

const DocumentFilter = builder.inputType('DocumentFilter', {
  description: 'Which documents. All conditions must hold.',
  fields: (t) => ({
    status: t.field({ type: [DocumentStatusEnum], description: 'In one of these states.' }),
    mediaType: t.stringList({ description: 'Of one of these media types.' }),
    search: t.string({ description: 'Whose title or filename contains this, without regard to case.' }),
    metadata: t.field({ type: 'JSONObject', description: 'Whose metadata contains this.' }),
    uploadedAfter: t.field({ type: 'DateTime', description: 'Uploaded at or after this moment.' }),
    uploadedBefore: t.field({ type: 'DateTime', description: 'Uploaded before this moment.' }),
    deleted: t.boolean({ description: 'True for those that are deleted and can be restored. They are left out otherwise.' }),
  }),
});

const documentList = defineConnection({
  name: 'Document',
  table: 'documents',
  node: Document,
  orders: {
    UPLOADED_AT_DESC: { column: 'uploaded_at', type: 'timestamptz', direction: 'DESC' },
    UPLOADED_AT_ASC: { column: 'uploaded_at', type: 'timestamptz', direction: 'ASC' },
  },
  filter: {
    type: DocumentFilter,
    always: true,
    where: (filter: typeof DocumentFilter.$inferInput) => [
      filter.deleted ? sql`documents.deleted_at IS NOT NULL` : sql`documents.deleted_at IS NULL`,
      ...(filter.status ? [sql`documents.status = ANY (${filter.status}::document_status[])`] : []),
      ...(filter.mediaType ? [sql`documents.media_type = ANY (${filter.mediaType}::text[])`] : []),
      ...(filter.search ? [containsText([sql`documents.title`, sql`documents.filename`], filter.search)] : []),
      ...(filter.metadata ? [sql`documents.metadata @> ${JSON.stringify(filter.metadata)}::jsonb`] : []),
      ...(filter.uploadedAfter ? [sql`documents.uploaded_at >= ${filter.uploadedAfter}::timestamptz`] : []),
      ...(filter.uploadedBefore ? [sql`documents.uploaded_at < ${filter.uploadedBefore}::timestamptz`] : []),
    ],
  },
});

documentList.onQuery('documents', { description: 'The documents of all collections of the tenant.', access: 'knowledge:read' });
documentList.onParent(Collection, 'documents', {
  description: 'Its documents.',
  column: 'collection_id',
  access: 'knowledge:read',
});

nodeQuery('document', { type: Document, what: 'A document', access: 'knowledge:read', load: loadDocument });
