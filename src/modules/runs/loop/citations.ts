import type { Citation } from '../../knowledge/exports.ts';
import type { KnowledgeHit, KnowledgeOutput } from '../tools/search-knowledge.ts';
import type { Step } from './steps.ts';

const QUOTE_CHARACTERS = 300;

function hitsOf({ calls }: Step): KnowledgeHit[] {
  return calls
    .filter(({ source, status }) => source === 'KNOWLEDGE' && status === 'SUCCEEDED')
    .flatMap(({ output }) => (output as unknown as Partial<KnowledgeOutput> | null)?.hits ?? []);
}

/** The passages that a text refers to by their numbers, among those the run has found. */
export function citationsOf(text: string, rounds: readonly Step[]): Citation[] {
  const cited = new Set(Array.from(text.matchAll(/\[(\d{1,4})\]/g), (match) => Number(match[1])));
  if (cited.size === 0) return [];
  return rounds
    .flatMap(hitsOf)
    .flatMap(({ number = 0, chunkId, documentId, text: passage }) =>
      cited.has(number) ? [{ number, chunkId, documentId, quote: passage.slice(0, QUOTE_CHARACTERS).toWellFormed() }] : [],
    );
}
