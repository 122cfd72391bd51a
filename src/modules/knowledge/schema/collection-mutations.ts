import type { GraphQLContext } from '../../../platform/graphql/context.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { entityMutation, mutation } from '../../../platform/graphql/kit/mutation.ts';
import { requireViewer } from '../../../platform/graphql/kit/require-viewer.ts';
import { intRule, jsonObjectRule, nameRule, slugRule, textRule } from '../../../platform/graphql/kit/rules.ts';
import {
  archiveCollection,
  type CollectionFields,
  createCollection,
  reprocessCollection,
  restoreCollection,
  updateCollection,
} from '../collections.ts';
import { Collection } from './collection.ts';
import { languageRule } from './rules.ts';

type CollectionRow = typeof Collection.$inferType;

function payload(name: string) {
  return builder.objectRef<{ collection: CollectionRow }>(name).implement({
    description: 'The collection after the change.',
    fields: (t) => ({
      collection: t.field({ type: Collection, description: 'The collection.', resolve: ({ collection }) => collection }),
    }),
  });
}

type Inputs = Parameters<Parameters<typeof builder.inputType>[1]['fields']>[0];

/** What decides how passages are made. */
function makingFields(t: Inputs) {
  return {
    embeddingModel: t.string({
      description: "The model that turns passages into vectors. The server's own when nothing is said.",
      validate: textRule(150).min(1),
    }),
    chunkSize: t.int({
      description: 'Most tokens of a passage, 16 to 8192. 400 when nothing is said.',
      validate: intRule(16, 8192),
    }),
    chunkOverlap: t.int({
      description: 'Tokens a passage repeats of the one before it; at most half of its size.',
      validate: intRule(0, 4096),
    }),
    language: t.string({
      description: 'Language of the texts, as PostgreSQL names it: `english`, `german`, … or `simple` for any.',
      validate: languageRule,
    }),
  };
}

function otherFields(t: Inputs) {
  return {
    slug: t.string({
      description: 'Name for URLs, unique in the tenant. Made of the name when nothing is said.',
      validate: slugRule,
    }),
    description: t.string({ description: 'What its documents are about.', validate: textRule(10_000) }),
    settings: t.field({ type: 'JSONObject', description: 'Settings of your application.', validate: jsonObjectRule }),
    metadata: t.field({ type: 'JSONObject', description: 'Your own data.', validate: jsonObjectRule }),
  };
}

/** GraphQL's null means "take it away" where a column may be empty, and nothing elsewhere. */
function collectionFields(input: Record<string, unknown>): CollectionFields {
  return Object.fromEntries(Object.entries(input).filter(([key, value]) => value !== null || key === 'description'));
}

mutation('createCollection', {
  description: 'Makes a collection of documents.',
  access: 'knowledge:configure',
  input: (t) => ({
    name: t.string({ required: true, description: 'Display name.', validate: nameRule }),
    ...otherFields(t as never),
    ...makingFields(t as never),
  }),
  payload: payload('CreateCollectionPayload'),
  resolve: async (input, context) => ({
    collection: await createCollection(context, requireViewer(context), { ...collectionFields(input), name: input.name.trim() }),
  }),
});

mutation('updateCollection', {
  description:
    'Changes a collection. What is not given stays as it is. Sizes hold for documents that are read from now on; model and language can ' +
    'change while there are no passages.',
  access: 'knowledge:configure',
  input: (t) => ({
    id: t.id({ required: true, description: 'The collection.' }),
    name: t.string({ description: 'Display name.', validate: nameRule }),
    ...otherFields(t as never),
    ...makingFields(t as never),
  }),
  payload: payload('UpdateCollectionPayload'),
  resolve: async ({ id, ...fields }, context) => ({
    collection: await updateCollection(context, parseId('Collection', id, ['input', 'id']), collectionFields(fields)),
  }),
});

mutation('reprocessCollection', {
  description:
    'Makes every passage of a collection anew, under other settings where some are given. `documentUpdated` shows how far it is.',
  access: 'knowledge:configure',
  input: (t) => ({ id: t.id({ required: true, description: 'The collection.' }), ...makingFields(t as never) }),
  payload: payload('ReprocessCollectionPayload'),
  resolve: async ({ id, ...fields }, context) => ({
    collection: await reprocessCollection(
      context,
      requireViewer(context),
      parseId('Collection', id, ['input', 'id']),
      collectionFields(fields),
    ),
  }),
});

function changeOfState(
  name: string,
  payloadName: string,
  description: string,
  change: (services: GraphQLContext, id: string) => Promise<CollectionRow>,
): void {
  entityMutation(name, {
    description,
    access: 'knowledge:configure',
    typename: 'Collection',
    payload: payload(payloadName),
    change: async (context, _viewer, id) => ({ collection: await change(context, id) }),
  });
}

changeOfState(
  'archiveCollection',
  'ArchiveCollectionPayload',
  'Puts a collection away: it is not searched and takes no documents until it is restored.',
  archiveCollection,
);
changeOfState('restoreCollection', 'RestoreCollectionPayload', 'Takes an archived collection back into use.', restoreCollection);
