import { z } from 'zod';
import { entity } from '../../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../../platform/graphql/kit/entity/model-columns.ts';
import { InvalidStateError } from '../../../platform/lib/errors.ts';
import type { Prisma } from '../../../platform/postgres/prisma.ts';
import { sql } from '../../../platform/postgres/sql.ts';
import { User } from '../../tenancy/exports.ts';
import { Collection } from '../collection.ts';

export const titleRule = z.string().trim().min(1, 'Must not be empty.').max(500, 'Must have at most 500 characters.');

export type Document = RowOf<'Document'>;
export const Document = entity('Document', {
  table: 'documents',
  access: 'knowledge:read',
  write: 'knowledge:write',
  tenantScoped: true,
  columns: [
    'title',
    'filename',
    'mediaType',
    'sizeBytes',
    'contentHash',
    'status',
    'chunkCount',
    'totalChunks',
    'embeddingTokens',
    'errorCode',
    'errorMessage',
    'metadata',
    'uploadedAt',
    'processingStartedAt',
    'processedAt',
    'deletedAt',
  ],
  references: { collection: Collection, uploadedBy: User },
  inputs: { title: { only: 'update', validate: titleRule }, metadata: { only: 'update' } },
  fields: (t) => ({
    progress: t.float({
      description: 'Share of the chunks that are indexed, 0 to 1.',
      resolve: ({ status, chunkCount, totalChunks }) => {
        if (status === 'INDEXED') return 1;
        return totalChunks ? chunkCount / totalChunks : 0;
      },
    }),
  }),
  list: {
    orders: ['-uploadedAt', 'uploadedAt'],
    filter: (f) => ({
      status: f.anyOf('status'),
      mediaType: f.anyOf('mediaType'),
      search: f.containsText(['title', 'filename']),
      metadata: f.containsJson('metadata'),
      uploadedAfter: f.since('uploadedAt'),
      uploadedBefore: f.before('uploadedAt'),
      deleted: {
        ...f.where(
          'Boolean',
          'True: only deleted documents that can be restored. Default: false, only documents that are not deleted.',
          (deleted: boolean) => (deleted ? sql`documents.deleted_at IS NOT NULL` : sql`documents.deleted_at IS NULL`),
        ),
        absent: sql`documents.deleted_at IS NULL`,
      },
    }),
  },
  changes: {
    topic: 'collection',
    of: { entity: Collection, column: 'collectionId' },
    resume: 'Subscribe again and query the list of documents for changes in between.',
    subscription: {
      field: 'documentUpdated',
      description:
        'Delivers documents of a collection after each change: added, processed, indexed, failed, deleted or restored. Successive changes of one ' +
        'document may be combined into its latest state.',
      afterEnd: 'query the list again after resubscribing',
    },
  },
  root: { one: 'document', many: { field: 'documents', description: 'Documents of all collections of the tenant.' } },
});

Document.listOn(Collection, 'documents', { column: 'collectionId' });

export function findDocuments(prisma: Prisma, ids: string[]): Promise<Document[]> {
  return prisma.document.findMany({ where: { id: { in: ids } } });
}

export function requireNotDeleted({ deletedAt }: Document): void {
  if (deletedAt) throw new InvalidStateError('The document is deleted. Restore it first.', { path: ['input', 'id'] });
}
