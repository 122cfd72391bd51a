import { z } from 'zod';
import type { Page } from '../postgres/keyset-pagination.ts';

/** What every tool that lists takes. */
export const pageInput = {
  limit: z.number().int().min(1).max(100).default(20).describe('How many at most.'),
  cursor: z.string().max(2_000).optional().describe('The nextCursor of the page before.'),
};

/** What every tool that lists gives beside the list. */
export const pageOutput = {
  nextCursor: z.string().optional().describe('Where the next page begins. Absent on the last.'),
};

export function nextCursorOf({ pageInfo }: Page<unknown>): string | undefined {
  return pageInfo.hasNextPage ? (pageInfo.endCursor ?? undefined) : undefined;
}
