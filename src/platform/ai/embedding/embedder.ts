import { ModelError } from '../model-error.ts';

/** Numbers of every stored vector. The column has one width for all models: narrower vectors are padded with zeros. */
export const EMBEDDING_WIDTH = 1536;

export interface EmbedOptions {
  signal?: AbortSignal | undefined;
  /** What the texts are: documents when absent. Somebody waits for a query, so it goes ahead of them and waits for less. */
  purpose?: 'document' | 'query' | undefined;
}

export interface Embeddings {
  /** Of length 1 and EMBEDDING_WIDTH finite numbers each, in the order of the texts. */
  vectors: Float32Array[];
  /** What the provider counted, or an estimate where it does not say. */
  tokens: number;
}

/** Turns texts into vectors that are near each other where the texts are. */
export interface Embedder {
  /** As collections keep it, such as `local-lexical` or `openai/text-embedding-3-small`. */
  readonly id: string;
  /** Numbers of a vector before it is padded. */
  readonly dimensions: number;
  /** Throws EmbeddingError; when the signal is aborted, its reason as it is. */
  embed(texts: readonly string[], options?: EmbedOptions): Promise<Embeddings>;
}

/** Texts could not be embedded. */
export class EmbeddingError extends ModelError {}
