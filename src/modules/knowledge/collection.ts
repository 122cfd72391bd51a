import { z } from 'zod';
import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { intRule, nameRule, textRule } from '../../platform/graphql/kit/rules.ts';
import { InvalidStateError, ValidationError } from '../../platform/lib/errors.ts';
import type { Prisma } from '../../platform/postgres/prisma.ts';
import { User } from '../tenancy/exports.ts';
import type { KnowledgeServices } from './services.ts';

/** The text search configurations of PostgreSQL. A CHECK constraint of the table lists the same values. */
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
  references: { createdBy: User },
  inputs: {
    name: { required: true, validate: nameRule },
    slug: { slugOf: 'name' },
    description: { validate: textRule(10_000) },
    embeddingModel: {
      validate: textRule(150).min(1),
      description: "Id of the embedding model. Default: the server's default model.",
    },
    chunkSize: { validate: intRule(16, 8192), description: 'Maximum size of a chunk in tokens, 16 to 8192. Default: 400.' },
    chunkOverlap: {
      validate: intRule(0, 4096),
      description:
        'Tokens that a chunk repeats from the previous one, at most half of `chunkSize`. Default: an eighth of `chunkSize`, at most 50.',
    },
    language: {
      validate: z.enum(languages, `Must be one of ${languages.join(', ')}.`),
      description:
        'Text search configuration of PostgreSQL for the documents: `english`, `german`, …, or `simple` for any language. Default: `english`.',
    },
    settings: {},
    metadata: {},
  },
  list: {
    orders: ['-createdAt', 'createdAt', 'name', '-name'],
    filter: (f) => ({
      status: f.anyOf('status'),
      search: f.containsText(['name', 'slug']),
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

/** The columns that determine the chunks of a document. */
export const chunkingColumns = ['embeddingModel', 'chunkSize', 'chunkOverlap', 'language'] as const;

const DEFAULT_CHUNK_SIZE = 400;
const DEFAULT_CHUNK_OVERLAP = 50;

export function requireOverlap(chunkSize: number, chunkOverlap: number): void {
  if (chunkOverlap > chunkSize / 2) {
    throw ValidationError.inputPath(
      ['input', 'chunkOverlap'],
      `${chunkOverlap} is more than half of the chunk size ${chunkSize}. Reduce the overlap or increase the size.`,
    );
  }
}

/** The columns that describe an embedding model. Throws ValidationError for a model that is not configured. */
export function embeddingColumns({ models }: KnowledgeServices, id: string | undefined) {
  const embedder = id === undefined ? models.defaultEmbedder : models.embedder(id);
  if (!embedder) {
    const known = models.embedderIds.join(', ');
    throw ValidationError.inputPath(
      ['input', 'embeddingModel'],
      `The embedding model "${id}" is not configured. Use one of: ${known}.`,
    );
  }
  return { embeddingModel: embedder.id, embeddingDimensions: embedder.dimensions };
}

export const createCollection = Collection.mutations.create('createCollection', {
  description: 'Creates a collection of documents.',
  values: (changes, context) => {
    const chunkSize = changes.chunkSize ?? DEFAULT_CHUNK_SIZE;
    const chunkOverlap = changes.chunkOverlap ?? Math.min(DEFAULT_CHUNK_OVERLAP, Math.floor(chunkSize / 8));
    requireOverlap(chunkSize, chunkOverlap);
    return { chunkSize, chunkOverlap, ...embeddingColumns(context, changes.embeddingModel) };
  },
});

Collection.mutations.update('updateCollection', {
  description:
    'Updates a collection. Omitted fields keep their values. New chunk sizes apply to documents processed afterwards. The embedding model and ' +
    'the language can change only while the collection has no chunks; otherwise use `reprocessCollection`.',
  // The row is locked: a worker that is about to commit the first chunk has committed it, or waits.
  values: (changes, context, _given, collection) => {
    requireOverlap(changes.chunkSize ?? collection.chunkSize, changes.chunkOverlap ?? collection.chunkOverlap);
    const rebuilt = (['embeddingModel', 'language'] as const).find(
      (field) => changes[field] !== undefined && changes[field] !== collection[field],
    );
    if (rebuilt && collection.chunkCount > 0) {
      throw new InvalidStateError(
        `${rebuilt} cannot change while the collection has chunks. Use reprocessCollection, which creates the chunks again.`,
        { path: ['input', rebuilt] },
      );
    }
    return changes.embeddingModel === undefined ? {} : embeddingColumns(context, changes.embeddingModel);
  },
});

Collection.mutations.archivable({
  archive: 'Archives a collection: searches exclude it and it accepts no documents until it is restored.',
  restore: 'Restores an archived collection.',
});
