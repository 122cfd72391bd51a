import type { Citation } from '../../knowledge/exports.ts';
import type { KnowledgeHit, KnowledgeOutput } from '../tools/search-knowledge.ts';
import type { Step } from './steps.ts';

const QUOTE_CHARACTERS = 300;

function hitsOf({ calls }: Step): KnowledgeHit[] {
  return calls
    .filter(({ source, status }) => source === 'KNOWLEDGE' && status === 'SUCCEEDED')
    .flatMap(({ output }) => (output as unknown as Partial<KnowledgeOutput> | null)?.hits ?? []);
}

/** The passages of the run's searches that a text cites by number, such as `[1]`. */
export function citationsOf(text: string, steps: readonly Step[]): Citation[] {
  const cited = new Set(Array.from(text.matchAll(/\[(\d{1,4})\]/g), (match) => Number(match[1])));
  if (cited.size === 0) return [];
  return steps
    .flatMap(hitsOf)
    .flatMap(({ number = 0, chunkId, documentId, text: passage }) =>
      cited.has(number) ? [{ number, chunkId, documentId, quote: passage.slice(0, QUOTE_CHARACTERS).toWellFormed() }] : [],
    );
}
