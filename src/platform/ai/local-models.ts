import { hashingEmbedder } from './embedding/hashing-embedder.ts';
import type { Models } from './models.ts';

/** The models of an installation without configured ones. Does not load the clients of providers, which take a second to load. */
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
