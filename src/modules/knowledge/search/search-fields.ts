import { z } from 'zod';
import { SearchStrategy } from '../../../generated/prisma/enums.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { nodeIds } from '../../../platform/graphql/kit/entity/node-id.ts';
import { enumOf } from '../../../platform/graphql/kit/enums.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { intRule, jsonObjectRule } from '../../../platform/graphql/kit/rules.ts';
import { requireQuery, type SearchInput } from './search.ts';
import type { ScopeFilter } from './search-scope.ts';

export const queryRule = z.string().trim().min(1, 'Must not be empty.').max(4_000, 'Must have at most 4000 characters.');

export const weightRule = z.number().min(0, 'Must be at least 0.').max(100, 'Must be at most 100.');

export const ratioRule = z.number().min(0, 'Must be at least 0.').max(1, 'Must be at most 1.');

export const SearchStrategyEnum = enumOf(
  'SearchStrategy',
  SearchStrategy,
  'How passages are looked for. VECTOR: by nearness in the space of the embedding model. KEYWORD: by words, in the language of the ' +
    'collection. HYBRID: by both, fused by their ranks.',
);

const SearchFilter = builder.inputType('SearchFilter', {
  description: 'Conditions on the documents that are searched. All must hold.',
  fields: (t) => ({
    metadata: t.field({ type: 'JSONObject', description: 'What their metadata must contain.', validate: jsonObjectRule }),
    mediaTypes: t.stringList({ description: 'Of one of these media types.' }),
    uploadedAfter: t.field({ type: 'DateTime', description: 'Uploaded at or after this moment.' }),
    uploadedBefore: t.field({ type: 'DateTime', description: 'Uploaded before this moment.' }),
  }),
});

type Inputs = Parameters<typeof nodeIds>[0];

/** What every search can be told, in `searchKnowledge` and `askKnowledge`. */
export function searchFields(t: Inputs, topK: number) {
  return {
    collectionIds: nodeIds(t, 'Collection', { description: 'Where to look. In all active collections when nothing is said.' }),
    topK: t.int({ description: `How many passages at most, 1 to 100. ${topK} when nothing is said.`, validate: intRule(1, 100) }),
    strategy: t.field({ type: SearchStrategyEnum, description: 'How to look. HYBRID when nothing is said.' }),
    filter: t.field({ type: SearchFilter, description: 'Only in documents that match.' }),
    minScore: t.float({ description: 'Leaves out passages with a lower score, 0 to 1.', validate: ratioRule }),
    vectorWeight: t.float({ description: 'How much nearness counts in HYBRID. 1 when nothing is said.', validate: weightRule }),
    keywordWeight: t.float({ description: 'How much words count in HYBRID. 1 when nothing is said.', validate: weightRule }),
  };
}

interface GivenSearch {
  collectionIds?: readonly (string | number)[] | null | undefined;
  topK?: number | null | undefined;
  strategy?: SearchStrategy | null | undefined;
  filter?:
    | {
        metadata?: Record<string, unknown> | null | undefined;
        mediaTypes?: string[] | null | undefined;
        uploadedAfter?: Date | null | undefined;
        uploadedBefore?: Date | null | undefined;
      }
    | null
    | undefined;
  minScore?: number | null | undefined;
  vectorWeight?: number | null | undefined;
  keywordWeight?: number | null | undefined;
}

function withoutNulls(filter: NonNullable<GivenSearch['filter']>): ScopeFilter {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value != null));
}

export function collectionUuids(ids: readonly (string | number)[], path: string[]): string[] {
  return [...new Set(ids.map((id, index) => parseId('Collection', String(id), [...path, String(index)])))];
}

export function searchInput(query: string, given: GivenSearch, topK: number): SearchInput {
  return {
    query: requireQuery(query, ['input', 'query']),
    collectionIds: given.collectionIds ? collectionUuids(given.collectionIds, ['input', 'collectionIds']) : undefined,
    topK: given.topK ?? topK,
    strategy: given.strategy ?? 'HYBRID',
    filter: given.filter ? withoutNulls(given.filter) : {},
    minScore: given.minScore ?? undefined,
    vectorWeight: given.vectorWeight ?? 1,
    keywordWeight: given.keywordWeight ?? 1,
  };
}
