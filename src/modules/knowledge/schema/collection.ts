import { CollectionStatus } from '../../../generated/prisma/enums.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { defineConnection } from '../../../platform/graphql/kit/connection.ts';
import { nodeLoader } from '../../../platform/graphql/kit/node-loader.ts';
import { nodeQuery } from '../../../platform/graphql/kit/node-query.ts';
import { dependsOn } from '../../../platform/graphql/kit/selection.ts';
import { sql } from '../../../platform/postgres/sql.ts';
import { tenantKey } from '../../../platform/postgres/tenant-key.ts';
import { containsText } from '../../../platform/postgres/text-search.ts';
import { loadUser, User } from '../../tenancy/exports.ts';

export const CollectionStatusEnum = builder.enumType(CollectionStatus, {
  name: 'CollectionStatus',
  description: 'ACTIVE collections are searched and take documents, ARCHIVED ones are put away until restored.',
});

export const Collection = builder.prismaNode('Collection', {
  nullable: true,
  authScopes: { permission: 'knowledge:read' },
  id: { resolve: ({ id }) => id },
  findUnique: tenantKey,
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    name: t.exposeString('name'),
    slug: t.exposeString('slug'),
    description: t.exposeString('description', { nullable: true }),
    embeddingModel: t.exposeString('embeddingModel'),
    embeddingDimensions: t.exposeInt('embeddingDimensions'),
    chunkSize: t.exposeInt('chunkSize'),
    chunkOverlap: t.exposeInt('chunkOverlap'),
    language: t.exposeString('language'),
    documentCount: t.exposeInt('documentCount'),
    chunkCount: t.exposeInt('chunkCount'),
    status: t.expose('status', { type: CollectionStatusEnum }),
    settings: t.expose('settings', { type: 'JSONObject' }),
    metadata: t.expose('metadata', { type: 'JSONObject' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    createdBy: t.field({
      type: User,
      nullable: true,
      description: 'Who made it. Null once they have left the tenant.',
      extensions: dependsOn('createdById'),
      resolve: ({ createdById }, _args, context) => loadUser(context, createdById),
    }),
  }),
});

export const loadCollection = nodeLoader<typeof Collection.$inferType>('Collection', 'collections');

const CollectionFilter = builder.inputType('CollectionFilter', {
  description: 'Which collections. All conditions must hold.',
  fields: (t) => ({
    status: t.field({ type: [CollectionStatusEnum], description: 'In one of these states.' }),
    search: t.string({ description: 'Whose name or slug contains this, without regard to case.' }),
  }),
});

defineConnection({
  name: 'Collection',
  table: 'collections',
  node: Collection,
  orders: {
    CREATED_AT_DESC: { column: 'created_at', type: 'timestamptz', direction: 'DESC' },
    CREATED_AT_ASC: { column: 'created_at', type: 'timestamptz', direction: 'ASC' },
    NAME_ASC: { column: 'name', type: 'text', direction: 'ASC' },
    NAME_DESC: { column: 'name', type: 'text', direction: 'DESC' },
  },
  filter: {
    type: CollectionFilter,
    where: ({ status, search }: typeof CollectionFilter.$inferInput) => [
      ...(status ? [sql`collections.status = ANY (${status}::collection_status[])`] : []),
      ...(search ? [containsText([sql`collections.name`, sql`collections.slug`], search)] : []),
    ],
  },
}).onQuery('collections', { description: 'The collections of the tenant.', access: 'knowledge:read' });

nodeQuery('collection', { type: Collection, what: 'A collection', access: 'knowledge:read', load: loadCollection });
