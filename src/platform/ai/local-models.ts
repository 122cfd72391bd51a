import { hashingEmbedder } from './embedding/hashing-embedder.ts';
import type { Models } from './models.ts';

/** The models of an installation that configured none. What speaks to providers takes a second to load, and stays away. */
export function localModels(): Models {
  return {
    defaultEmbedder: hashingEmbedder,
    embedder: (id) => (id === hashingEmbedder.id ? hashingEmbedder : undefined),
    embedderIds: [hashingEmbedder.id],
    answerGenerator: undefined,
    language: { resolve: () => undefined, providers: [] },
    onUsage: () => {},
  };
}
