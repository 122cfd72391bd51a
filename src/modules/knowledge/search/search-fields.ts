import { z } from 'zod';
import type { SearchStrategy } from '../../../generated/prisma/enums.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { nodeIds } from '../../../platform/graphql/kit/entity/node-id.ts';
import { prismaEnum } from '../../../platform/graphql/kit/enums.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { intRule, jsonObjectRule } from '../../../platform/graphql/kit/rules.ts';
import { requireQuery, type SearchInput } from './search.ts';
import type { ScopeFilter } from './search-scope.ts';

export const queryRule = z.string().trim().min(1, 'Must not be empty.').max(4_000, 'Must have at most 4000 characters.');

export const weightRule = z.number().min(0, 'Must be at least 0.').max(100, 'Must be at most 100.');

export const ratioRule = z.number().min(0, 'Must be at least 0.').max(1, 'Must be at most 1.');

const SearchFilter = builder.inputType('SearchFilter', {
  description: 'Conditions on the searched documents. All must hold.',
  fields: (t) => ({
    metadata: t.field({
      type: 'JSONObject',
      description: 'Documents whose metadata contains this object.',
      validate: jsonObjectRule,
    }),
    mediaTypes: t.stringList({ description: 'Documents of one of these media types.' }),
    uploadedAfter: t.field({ type: 'DateTime', description: 'Documents uploaded at or after this time.' }),
    uploadedBefore: t.field({ type: 'DateTime', description: 'Documents uploaded before this time.' }),
  }),
});

type Inputs = Parameters<typeof nodeIds>[0];

/** The input fields that `searchKnowledge` and `askKnowledge` share. */
export function searchFields(t: Inputs, topK: number) {
  return {
    collectionIds: nodeIds(t, 'Collection', { description: 'Collections to search. Default: all active collections.' }),
    topK: t.int({ description: `Maximum number of chunks, 1 to 100. Default: ${topK}.`, validate: intRule(1, 100) }),
    strategy: t.field({ type: prismaEnum('SearchStrategy'), description: 'Search strategy. Default: HYBRID.' }),
    filter: t.field({ type: SearchFilter, description: 'Conditions on the searched documents.' }),
    minScore: t.float({ description: 'Minimum score of a chunk, 0 to 1. Default: 0.', validate: ratioRule }),
    vectorWeight: t.float({
      description: 'Weight of the vector rank in a HYBRID search, 0 to 100. Default: 1.',
      validate: weightRule,
    }),
    keywordWeight: t.float({
      description: 'Weight of the keyword rank in a HYBRID search, 0 to 100. Default: 1.',
      validate: weightRule,
    }),
  };
}

interface SearchFieldValues {
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

function withoutNulls(filter: NonNullable<SearchFieldValues['filter']>): ScopeFilter {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value != null));
}

function collectionUuids(ids: readonly (string | number)[], path: string[]): string[] {
  return [...new Set(ids.map((id, index) => parseId('Collection', String(id), [...path, String(index)])))];
}

export function searchInput(query: string, given: SearchFieldValues, topK: number): SearchInput {
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
