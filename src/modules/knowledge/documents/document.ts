import { DocumentStatus } from '../../../generated/prisma/enums.ts';
import { entity } from '../../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../../platform/graphql/kit/entity/model-columns.ts';
import { enumOf } from '../../../platform/graphql/kit/enums.ts';
import { InvalidStateError } from '../../../platform/lib/errors.ts';
import type { Prisma } from '../../../platform/postgres/prisma.ts';
import { sql } from '../../../platform/postgres/sql.ts';
import { User } from '../../tenancy/exports.ts';
import { Collection } from '../collection.ts';

enumOf(
  'DocumentStatus',
  DocumentStatus,
  'How far a document has come. PENDING waits for a worker, PROCESSING is being read, INDEXED can be found, FAILED says why.',
);

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
  references: {
    collection: { to: Collection, description: 'The collection.' },
    uploadedBy: { to: User, description: 'Who brought it. Null once they have left the tenant.' },
  },
  fields: (t) => ({
    progress: t.float({
      description: 'How much of it can be found: chunks there over chunks in all, 0 to 1.',
      resolve: ({ status, chunkCount, totalChunks }) => {
        if (status === 'INDEXED') return 1;
        return totalChunks ? chunkCount / totalChunks : 0;
      },
    }),
  }),
  list: {
    orders: ['-uploadedAt', 'uploadedAt'],
    filter: (f) => ({
      status: f.anyOf('status', 'In one of these states.'),
      mediaType: f.anyOf('mediaType', 'Of one of these media types.'),
      search: f.containsText(['title', 'filename'], 'Whose title or filename contains this, without regard to case.'),
      metadata: f.containsJson('metadata', 'Whose metadata contains this.'),
      uploadedAfter: f.since('uploadedAt', 'Uploaded at or after this moment.'),
      uploadedBefore: f.before('uploadedAt', 'Uploaded before this moment.'),
      deleted: {
        ...f.where(
          'Boolean',
          'True for those that are deleted and can be restored. They are left out otherwise.',
          (deleted: boolean) => (deleted ? sql`documents.deleted_at IS NOT NULL` : sql`documents.deleted_at IS NULL`),
        ),
        absent: sql`documents.deleted_at IS NULL`,
      },
    }),
  },
  changes: {
    topic: 'collection',
    of: { entity: Collection, column: 'collectionId' },
    resume: 'Subscribe again, and read the list of documents for what changed in between.',
    subscription: {
      field: 'documentUpdated',
      description:
        'The documents of a collection as they change from now on: added, read, indexed, failed, deleted. One that changes faster than it is ' +
        'told is told in its newest state.',
      afterEnd: 'read the list again after coming back',
    },
  },
  root: { one: 'document', many: { field: 'documents', description: 'The documents of all collections of the tenant.' } },
});

Document.listOn(Collection, 'documents', { column: 'collectionId', description: 'Its documents.' });

export function findDocuments(prisma: Prisma, ids: string[]): Promise<Document[]> {
  return prisma.document.findMany({ where: { id: { in: ids } } });
}

export function requireNotDeleted({ deletedAt }: Document): void {
  if (deletedAt) throw new InvalidStateError('The document is deleted. Restore it first.', { path: ['input', 'id'] });
}
