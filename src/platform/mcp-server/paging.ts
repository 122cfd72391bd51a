import { z } from 'zod';
import type { Page } from '../postgres/keyset-pagination.ts';

/** Inputs of every tool that returns a list. */
export const pageInput = {
  limit: z.number().int().min(1).max(100).default(20).describe('Maximum number of results, 1 to 100.'),
  cursor: z.string().max(2_000).optional().describe('The nextCursor of the previous page. Omit it for the first page.'),
};

/** Outputs of every tool that returns a list, beside the list. */
export const pageOutput = {
  nextCursor: z.string().optional().describe('Cursor of the next page. Absent on the last page.'),
};

export function nextCursorOf({ pageInfo }: Page<unknown>): string | undefined {
  return pageInfo.hasNextPage ? (pageInfo.endCursor ?? undefined) : undefined;
}
