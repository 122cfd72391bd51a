import { embedMany } from 'ai';
import { Semaphore } from '../../lib/semaphore.ts';
import type { ModelCallOptions } from '../model-error.ts';
import { connectProvider, type ProviderOptions } from '../provider-client.ts';
import { RateLimiter } from '../rate-limiter.ts';
import { retryModelCall } from '../retry-model-call.ts';
import { countOrDefault, type OnUsage, withUsageReporting } from '../usage.ts';
import { EMBEDDING_WIDTH, type Embedder, EmbeddingError, type EmbedOptions } from './embedder.ts';
import { type EmbeddingBatch, embeddingBatches } from './embedding-batches.ts';
import { inOrder, normalizeVectors } from './normalize-vectors.ts';

export interface EmbeddingModelOptions extends ProviderOptions {
  /** The dimensions of the vectors. Requested from OpenAI models that support it; other models must return this many. */
  dimensions?: number | undefined;
  /** The most texts in a request. @default 96 */
  batchSize?: number | undefined;
  requestsPerMinute?: number | undefined;
  tokensPerMinute?: number | undefined;
  timeoutMs?: number | undefined;
  maxRetries?: number | undefined;
}

/** Durations that tests shorten. */
export interface Pace {
  windowMs?: number;
  backoffMs?: number;
}

/** The estimated token limit of a request. OpenAI accepts 300,000 tokens, and the SDK splits requests with more bytes than that. */
const MAX_REQUEST_TOKENS = 100_000;
/** The largest batch of the SDK. */
const MAX_BATCH = 2048;
const DOCUMENT_SLOTS = 4;
/** Separate slots: a query must not wait behind a thousand chunks of a document. */
const QUERY_SLOTS = 2;
/** The longest wait for the rate limit, in windows. Each window admits at least one request that holds a slot. */
const MAX_WAIT_WINDOWS = { document: DOCUMENT_SLOTS + QUERY_SLOTS, query: 1 / 6 };
/** Larger than a valid vector, so that vectors that are too wide get their own error. */
const MAX_BYTES_PER_VECTOR = 128 * 1024;

/** OpenAI models that support the parameter `dimensions`. */
const SUPPORTS_DIMENSIONS = /^text-embedding-3-/;

export function createProviderEmbedder(options: EmbeddingModelOptions, report: OnUsage, pace: Pace = {}): Embedder {
  return new ProviderEmbedder(options, report, pace);
}

class ProviderEmbedder implements Embedder {
  readonly id: string;
  readonly source: { readonly provider: string; readonly model: string };
  readonly dimensions: number;
  readonly #model;
  /** The parameter `dimensions`. Servers that do not support it reject the request. */
  readonly #requestedDimensions: number | undefined;
  /** The expected dimensions: the configured ones, otherwise those of the first response. */
  #width: number | undefined;
  readonly #batchSize: number;
  readonly #maxTokens: number;
  readonly #windowMs: number;
  readonly #rateLimiter: RateLimiter;
  readonly #slots = { document: new Semaphore(DOCUMENT_SLOTS), query: new Semaphore(QUERY_SLOTS) };
  readonly #call: ModelCallOptions;
  readonly #report: OnUsage;

  constructor(options: EmbeddingModelOptions, report: OnUsage, { windowMs = 60_000, backoffMs }: Pace) {
    const { provider, model, apiKey, dimensions, batchSize = 96, timeoutMs = 30_000, maxRetries = 4 } = options;
    if (dimensions !== undefined && !(dimensions >= 1 && dimensions <= EMBEDDING_WIDTH)) {
      throw new Error(`The dimensions of an embedding model must be between 1 and ${EMBEDDING_WIDTH}.`);
    }
    this.id = `${provider}/${model}`;
    this.source = { provider, model };
    this.dimensions = dimensions ?? EMBEDDING_WIDTH;
    this.#width = dimensions;
    if (provider === 'openai' && SUPPORTS_DIMENSIONS.test(model)) this.#requestedDimensions = this.#width = this.dimensions;
    this.#batchSize = Math.min(batchSize, MAX_BATCH);
    this.#maxTokens = Math.min(MAX_REQUEST_TOKENS, options.tokensPerMinute ?? MAX_REQUEST_TOKENS);
    this.#windowMs = windowMs;
    this.#rateLimiter = new RateLimiter({ requests: options.requestsPerMinute, tokens: options.tokensPerMinute, windowMs });
    this.#model = connectProvider(options, MAX_BYTES_PER_VECTOR * (this.#batchSize + 8)).embedding();
    this.#call = { model: `The embedding model ${this.id}`, apiKey, timeoutMs, maxRetries, backoffMs, Failure: EmbeddingError };
    this.#report = report;
  }

  async embed(texts: readonly string[], { signal, purpose = 'document' }: EmbedOptions = {}) {
    signal?.throwIfAborted();
    // A failed batch aborts the others: their vectors are useless without it.
    const stop = new AbortController();
    const either = signal ? AbortSignal.any([stop.signal, signal]) : stop.signal;
    let spent = 0;
    const embedBatch = async (batch: EmbeddingBatch) => {
      try {
        const embedded = await this.#embedBatch(batch, purpose, either);
        spent += embedded.tokens;
        return embedded;
      } catch (error) {
        if (error instanceof EmbeddingError) error.spentTokens = spent;
        // Aborts before the slot is released: the next batch would start otherwise.
        stop.abort(error);
        throw error;
      }
    };
    const parts = await Promise.all(
      embeddingBatches(texts, this.#batchSize, this.#maxTokens).map((batch) =>
        this.#slots[purpose].run(() => embedBatch(batch), either),
      ),
    );
    return {
      vectors: parts.flatMap(({ vectors }) => vectors),
      tokens: parts.reduce((sum, { tokens }) => sum + tokens, 0),
      estimated: parts.some(({ estimated }) => estimated),
    };
  }

  async #embedBatch(batch: EmbeddingBatch, purpose: 'document' | 'query', signal: AbortSignal) {
    const maxWaitMs = MAX_WAIT_WINDOWS[purpose] * this.#windowMs;
    const admit = async () => {
      if (await this.#rateLimiter.acquire(batch.tokens, maxWaitMs, signal)) return;
      throw new EmbeddingError(`${this.#call.model} has reached its rate limit. Try again later.`, {
        code: 'MODEL_OVERLOADED',
        retryable: true,
      });
    };
    return await retryModelCall({ ...this.#call, admit }, signal, (attemptSignal) =>
      withUsageReporting(this.#report, { model: this.id, kind: 'embedding' }, () => this.#request(batch, attemptSignal)),
    );
  }

  async #request({ texts, tokens }: EmbeddingBatch, signal: AbortSignal) {
    const { embeddings, usage, responses } = await embedMany({
      model: this.#model,
      values: texts,
      ...(this.#requestedDimensions !== undefined && { dimensions: this.#requestedDimensions }),
      maxRetries: 0,
      abortSignal: signal,
    });
    const vectors = normalizeVectors(this.#call.model, inOrder(embeddings, responses?.[0]?.body), this.#width);
    this.#width ??= embeddings[0]?.length;
    // A count of 0 is none: some servers report it for every request.
    const counted = countOrDefault(usage.tokens, 0);
    return { vectors, tokens: counted || tokens, estimated: counted === 0 };
  }
}
