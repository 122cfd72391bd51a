import { nodeId } from '../../platform/graphql/kit/entity/node-id.ts';
import { mutation } from '../../platform/graphql/kit/mutation.ts';
import { tenantKey } from '../../platform/postgres/request-scope.ts';
import { queryRows, sql } from '../../platform/postgres/sql.ts';
import { Collection, chunkingColumns, embeddingColumns, requireOverlap } from './collection.ts';
import { lockDocuments, publishDocumentChanges, queueProcessing } from './documents/documents.ts';

mutation('reprocessCollection', {
  description:
    'Processes all documents of a collection again, with new settings where given. Searches find a document again once it is INDEXED; ' +
    '`documentUpdated` reports the progress.',
  access: 'knowledge:configure',
  input: (t) => ({
    id: nodeId(t, 'Collection', { required: true, description: 'The collection.' }),
    ...Collection.mutations.inputFields(t, 'update', chunkingColumns),
  }),
  payload: Collection.mutations.payload('reprocessCollection'),
  resolve: async ({ id, ...given }, context) => {
    const { database, prisma, viewer } = context;
    const changes = Collection.mutations.changes(given);
    const collection = await Collection.require(prisma, id, ['input', 'id']);
    requireOverlap(changes.chunkSize ?? collection.chunkSize, changes.chunkOverlap ?? collection.chunkOverlap);
    const model = changes.embeddingModel === undefined ? {} : embeddingColumns(context, changes.embeddingModel);
    const documents = await prisma.document.findMany({ where: { collectionId: id, deletedAt: null }, select: { id: true } });
    // Lock order: documents before their collection. A transaction that holds a document may wait for the collection.
    await lockDocuments(
      context,
      documents.map((document) => document.id),
    );
    await prisma.collection.update({ where: tenantKey(id), data: { ...changes, ...model } as never });
    // Includes documents added since the first query; the collection's lock prevents further ones. SKIP LOCKED leaves out a document that
    // a worker holds: its transaction waits for the collection, and then finds the new settings.
    const all = await queryRows<{ id: string }>(
      database,
      sql`SELECT id FROM documents WHERE collection_id = ${id}::uuid AND deleted_at IS NULL ORDER BY id FOR NO KEY UPDATE SKIP LOCKED`,
    );
    await queueProcessing(
      context,
      viewer.tenantId,
      all.map((document) => document.id),
    );
    await publishDocumentChanges(context, id);
    return Collection.require(prisma, id, []);
  },
});
