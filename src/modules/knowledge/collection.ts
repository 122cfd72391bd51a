import { z } from 'zod';
import { CollectionStatus } from '../../generated/prisma/enums.ts';
import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { Changes, ColumnInputs } from '../../platform/graphql/kit/entity/entity-mutations.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { nodeId } from '../../platform/graphql/kit/entity/node-id.ts';
import { enumOf } from '../../platform/graphql/kit/enums.ts';
import { mutation } from '../../platform/graphql/kit/mutation.ts';
import { intRule, jsonObjectRule, nameRule, slugRule, textRule } from '../../platform/graphql/kit/rules.ts';
import { InvalidStateError, ValidationError } from '../../platform/lib/errors.ts';
import type { Prisma } from '../../platform/postgres/prisma.ts';
import { queryRows, sql } from '../../platform/postgres/sql.ts';
import { tenantKey } from '../../platform/postgres/tenant-key.ts';
import { User } from '../tenancy/exports.ts';
import type { KnowledgeServices } from './services.ts';

enumOf(
  'CollectionStatus',
  CollectionStatus,
  'ACTIVE collections are searched and take documents, ARCHIVED ones are put away until restored.',
);

export type Collection = RowOf<'Collection'>;
export const Collection = entity('Collection', {
  table: 'collections',
  access: 'knowledge:read',
  write: 'knowledge:configure',
  columns: [
    'name',
    'slug',
    'description',
    'embeddingModel',
    'embeddingDimensions',
    'chunkSize',
    'chunkOverlap',
    'language',
    'documentCount',
    'chunkCount',
    'status',
    'settings',
    'metadata',
  ],
  references: {
    createdBy: { to: User, description: 'Who made it. Null once they have left the tenant.' },
  },
  list: {
    orders: ['-createdAt', 'createdAt', 'name', '-name'],
    filter: (f) => ({
      status: f.anyOf('status', 'In one of these states.'),
      search: f.containsText(['name', 'slug'], 'Whose name or slug contains this, without regard to case.'),
    }),
  },
  root: { one: 'collection', many: 'collections' },
});

/** Throws NotFoundError, and InvalidStateError for an archived collection. */
export async function requireActiveCollection(prisma: Prisma, id: string, path: string[]): Promise<Collection> {
  const collection = await Collection.require(prisma, id, path);
  if (collection.status !== 'ACTIVE') {
    throw new InvalidStateError('The collection is archived. Restore it first.', { path });
  }
  return collection;
}

/** The languages PostgreSQL can cut to their stems. The table's CHECK holds the same list. */
const languages = [
  'simple',
  'arabic',
  'armenian',
  'basque',
  'catalan',
  'danish',
  'dutch',
  'english',
  'finnish',
  'french',
  'german',
  'greek',
  'hindi',
  'hungarian',
  'indonesian',
  'irish',
  'italian',
  'lithuanian',
  'nepali',
  'norwegian',
  'portuguese',
  'romanian',
  'russian',
  'serbian',
  'spanish',
  'swedish',
  'tamil',
  'turkish',
  'yiddish',
] as const;

/** The columns that determine the chunks of a document. */
export const chunking: ColumnInputs<'Collection'> = {
  embeddingModel: {
    description: "The model that turns passages into vectors. The server's own when nothing is said.",
    validate: textRule(150).min(1),
  },
  chunkSize: {
    description: 'Most tokens of a passage, 16 to 8192. 400 when nothing is said.',
    validate: intRule(16, 8192),
  },
  chunkOverlap: {
    description: 'Tokens a passage repeats of the one before it; at most half of its size.',
    validate: intRule(0, 4096),
  },
  language: {
    description: 'Language of the texts, as PostgreSQL names it: `english`, `german`, … or `simple` for any.',
    validate: z.enum(languages, `Must be one of ${languages.join(', ')}.`),
  },
};

const settings: ColumnInputs<'Collection'> = {
  slug: {
    description: 'Name for URLs, unique in the tenant. Made of the name when nothing is said.',
    validate: slugRule,
  },
  description: { description: 'What its documents are about.', validate: textRule(10_000) },
  settings: { description: 'Settings of your application.', validate: jsonObjectRule },
  metadata: { description: 'Your own data.', validate: jsonObjectRule },
};

const DEFAULT_CHUNK_SIZE = 400;
const DEFAULT_CHUNK_OVERLAP = 50;

export function requireOverlap(chunkSize: number, chunkOverlap: number): void {
  if (chunkOverlap > chunkSize / 2) {
    throw ValidationError.inputPath(['input', 'chunkOverlap'], `Must be at most half of the chunk size, which is ${chunkSize}.`);
  }
}

/** The columns that describe an embedding model. Throws ValidationError for a model that is not configured. */
export function embeddingColumns({ models }: KnowledgeServices, id: string | undefined) {
  const embedder = id === undefined ? models.defaultEmbedder : models.embedder(id);
  if (!embedder) {
    const known = models.embedderIds.join(', ');
    throw ValidationError.inputPath(['input', 'embeddingModel'], `This server has no such model. It has: ${known}.`);
  }
  return { embeddingModel: embedder.id, embeddingDimensions: embedder.dimensions };
}

export const createCollection = Collection.mutations.create('createCollection', {
  description: 'Makes a collection of documents.',
  input: {
    name: { required: true, description: 'Display name.', validate: nameRule },
    ...settings,
    ...chunking,
  },
  values: async (changes, context) => {
    const chunkSize = changes.chunkSize ?? DEFAULT_CHUNK_SIZE;
    const chunkOverlap = changes.chunkOverlap ?? Math.min(DEFAULT_CHUNK_OVERLAP, Math.floor(chunkSize / 8));
    requireOverlap(chunkSize, chunkOverlap);
    const name = changes.name?.trim();
    return {
      name,
      chunkSize,
      chunkOverlap,
      ...embeddingColumns(context, changes.embeddingModel),
      slug: await Collection.mutations.slug(context.prisma, { slug: changes.slug, name }),
    };
  },
});

const changeable: ColumnInputs<'Collection'> = {
  name: { description: 'Display name.', validate: nameRule },
  ...settings,
  ...chunking,
};

/** The model and the language can change only while the collection has no chunks. `reprocessCollection` changes them at any time. */
async function updateCollection(services: KnowledgeServices, id: string, changes: Changes<'Collection'>): Promise<Collection> {
  const { database, prisma } = services;
  // The lock waits for a worker that is about to commit the first chunk, so that the count below includes it.
  await queryRows(database, sql`SELECT FROM collections WHERE id = ${id}::uuid FOR NO KEY UPDATE`);
  const collection = await Collection.require(prisma, id, ['input', 'id']);
  await Collection.mutations.slug(prisma, { slug: changes.slug, except: id });
  requireOverlap(changes.chunkSize ?? collection.chunkSize, changes.chunkOverlap ?? collection.chunkOverlap);
  const model = changes.embeddingModel === undefined ? {} : embeddingColumns(services, changes.embeddingModel);
  const rebuilt = (['embeddingModel', 'language'] as const).find(
    (field) => changes[field] !== undefined && changes[field] !== collection[field],
  );
  if (rebuilt && collection.chunkCount > 0) {
    throw new InvalidStateError(
      'The collection has passages that were made otherwise. Use `reprocessCollection`, which makes all of them anew.',
      { path: ['input', rebuilt] },
    );
  }
  return prisma.collection.update({ where: tenantKey(id), data: { ...changes, ...model } as never });
}

mutation('updateCollection', {
  description:
    'Changes a collection. What is not given stays as it is. Sizes hold for documents that are read from now on; model and language can ' +
    'change while there are no passages.',
  access: 'knowledge:configure',
  input: (t) => ({
    id: nodeId(t, 'Collection', { required: true, description: 'The collection.' }),
    ...Collection.mutations.inputFields(t, changeable),
  }),
  payload: Collection.mutations.payload('updateCollection'),
  resolve: ({ id, ...given }, context) => updateCollection(context, id, Collection.mutations.changes(changeable, given)),
});

Collection.mutations.transition('archiveCollection', {
  description: 'Puts a collection away: it is not searched and takes no documents until it is restored.',
  from: ['ACTIVE'],
  set: { status: 'ARCHIVED' },
  refusal: 'The collection is archived already.',
});

Collection.mutations.transition('restoreCollection', {
  description: 'Takes an archived collection back into use.',
  from: ['ARCHIVED'],
  set: { status: 'ACTIVE' },
  refusal: 'The collection is not archived.',
});
