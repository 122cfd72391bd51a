import { localLexical } from './local-lexical.ts';
import type { Models } from './models.ts';

/** The models of an installation that configured none. What speaks to providers takes a second to load, and stays away. */
export function localModels(): Models {
  return {
    defaultEmbedder: localLexical,
    embedder: (id) => (id === localLexical.id ? localLexical : undefined),
    embedderIds: [localLexical.id],
    answerer: undefined,
    language: { resolve: () => undefined, providers: [] },
    onUsage: () => {},
  };
}
