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
  /** Width of the vectors. Asked for from OpenAI's models that shorten; what others answer must have it. */
  dimensions?: number | undefined;
  /** Texts in a request. */
  batchSize?: number | undefined;
  requestsPerMinute?: number | undefined;
  tokensPerMinute?: number | undefined;
  timeoutMs?: number | undefined;
  maxRetries?: number | undefined;
}

/** What tests make shorter. */
export interface Pace {
  windowMs?: number;
  backoffMs?: number;
}

/** In a request, estimated. OpenAI takes 300,000, and the SDK would split what has more bytes than that once more. */
const MAX_REQUEST_TOKENS = 100_000;
/** The most that the SDK sends at once. */
const MAX_BATCH = 2048;
const DOCUMENT_SLOTS = 4;
/** Of their own: a question does not wait behind the thousand passages of a document. */
const QUERY_SLOTS = 2;
/** Longest time for a place within the rate. Each window lets one of those with a slot in, at the least. */
const MAX_WAIT_WINDOWS = { document: DOCUMENT_SLOTS + QUERY_SLOTS, query: 1 / 6 };
/** Room for vectors wider than can be stored, so that they are refused for what they are. */
const MAX_BYTES_PER_VECTOR = 128 * 1024;

/** Models of OpenAI whose vectors can be had narrower than they are. */
const SHORTENS = /^text-embedding-3-/;

export function createProviderEmbedder(options: EmbeddingModelOptions, report: OnUsage, pace: Pace = {}): Embedder {
  return new ProviderEmbedder(options, report, pace);
}

class ProviderEmbedder implements Embedder {
  readonly id: string;
  readonly dimensions: number;
  readonly #model;
  /** What is asked for. Servers that cannot shorten refuse a request that has it. */
  readonly #asked: number | undefined;
  /** What answers must have: as configured, else as the first one had. */
  #width: number | undefined;
  readonly #batchSize: number;
  readonly #maxTokens: number;
  readonly #windowMs: number;
  readonly #gate: RateLimiter;
  readonly #slots = { document: new Semaphore(DOCUMENT_SLOTS), query: new Semaphore(QUERY_SLOTS) };
  readonly #call: ModelCallOptions;
  readonly #report: OnUsage;

  constructor(options: EmbeddingModelOptions, report: OnUsage, { windowMs = 60_000, backoffMs }: Pace) {
    const { provider, model, apiKey, dimensions, batchSize = 96, timeoutMs = 30_000, maxRetries = 4 } = options;
    if (dimensions !== undefined && !(dimensions >= 1 && dimensions <= EMBEDDING_WIDTH)) {
      throw new Error(
        `Vectors of an embedding model have 1 to ${EMBEDDING_WIDTH} numbers: at most ${EMBEDDING_WIDTH} can be stored.`,
      );
    }
    this.id = `${provider}/${model}`;
    this.dimensions = dimensions ?? EMBEDDING_WIDTH;
    this.#width = dimensions;
    if (provider === 'openai' && SHORTENS.test(model)) this.#asked = this.#width = this.dimensions;
    this.#batchSize = Math.min(batchSize, MAX_BATCH);
    this.#maxTokens = Math.min(MAX_REQUEST_TOKENS, options.tokensPerMinute ?? MAX_REQUEST_TOKENS);
    this.#windowMs = windowMs;
    this.#gate = new RateLimiter({ requests: options.requestsPerMinute, tokens: options.tokensPerMinute, windowMs });
    this.#model = connectProvider(options, MAX_BYTES_PER_VECTOR * (this.#batchSize + 8)).embedding();
    this.#call = { model: `The embedding model ${this.id}`, apiKey, timeoutMs, maxRetries, backoffMs, Failure: EmbeddingError };
    this.#report = report;
  }

  async embed(texts: readonly string[], { signal, purpose = 'document' }: EmbedOptions = {}) {
    signal?.throwIfAborted();
    // One batch that fails is the end of the others: their vectors are of no use without its own.
    const stop = new AbortController();
    const either = signal ? AbortSignal.any([stop.signal, signal]) : stop.signal;
    const embedBatch = async (batch: EmbeddingBatch) => {
      try {
        return await this.#embedBatch(batch, purpose, either);
      } catch (error) {
        // While it still has its slot, or the next would begin.
        stop.abort(error);
        throw error;
      }
    };
    const parts = await Promise.all(
      embeddingBatches(texts, this.#batchSize, this.#maxTokens).map((batch) =>
        this.#slots[purpose].run(() => embedBatch(batch), either),
      ),
    );
    return { vectors: parts.flatMap(({ vectors }) => vectors), tokens: parts.reduce((sum, { tokens }) => sum + tokens, 0) };
  }

  async #embedBatch(batch: EmbeddingBatch, purpose: 'document' | 'query', signal: AbortSignal) {
    const maxWaitMs = MAX_WAIT_WINDOWS[purpose] * this.#windowMs;
    const admit = async () => {
      if (await this.#gate.acquire(batch.tokens, maxWaitMs, signal)) return;
      throw new EmbeddingError(`${this.#call.model} is used as much as its limits allow. Try again later.`, {
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
      ...(this.#asked !== undefined && { dimensions: this.#asked }),
      maxRetries: 0,
      abortSignal: signal,
    });
    const vectors = normalizeVectors(this.#call.model, inOrder(embeddings, responses?.[0]?.body), this.#width);
    this.#width ??= embeddings[0]?.length;
    return { vectors, tokens: countOrDefault(usage.tokens, tokens) };
  }
}
