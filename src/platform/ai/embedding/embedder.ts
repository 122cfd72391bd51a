import { ModelError } from '../model-error.ts';

/** The dimensions of every stored vector. The column has one width for all models: narrower vectors are padded with zeros. */
export const EMBEDDING_WIDTH = 1536;

export interface EmbedOptions {
  signal?: AbortSignal | undefined;
  /** Queries have separate slots and a shorter wait, because a user waits for the result. @default 'document' */
  purpose?: 'document' | 'query' | undefined;
}

export interface Embeddings {
  /** Unit vectors of EMBEDDING_WIDTH finite numbers, in the order of the texts. */
  vectors: Float32Array[];
  /** The token count of the provider, or an estimate if the provider reports none. */
  tokens: number;
  /** Whether the provider reported no count for some of the texts. */
  estimated: boolean;
}

/** Converts texts to vectors. Similar texts have similar vectors. */
export interface Embedder {
  /** The id that is stored with the vectors, such as `local-lexical` or `openai/text-embedding-3-small`. */
  readonly id: string;
  /** The provider and model that charge for it. Undefined for one that computes in this process. */
  readonly source: { readonly provider: string; readonly model: string } | undefined;
  /** The dimensions of a vector before padding. */
  readonly dimensions: number;
  /** Throws EmbeddingError, or the reason of the signal if it is aborted. */
  embed(texts: readonly string[], options?: EmbedOptions): Promise<Embeddings>;
}

/** The model did not embed the texts. */
export class EmbeddingError extends ModelError {}
