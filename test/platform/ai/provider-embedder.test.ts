import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { EMBEDDING_WIDTH, type Embedder, EmbeddingError } from '../../../src/platform/ai/embedding/embedder.ts';
import type { Pace } from '../../../src/platform/ai/embedding/provider-embedder.ts';
import { createModels, type ModelOptions } from '../../../src/platform/ai/models.ts';
import type { Usage } from '../../../src/platform/ai/usage.ts';
import * as server from '../../testkit/openai-server.ts';

const KEY = 'secret-key-0123456789';

let openai: server.OpenAiServer;

beforeAll(async () => {
  openai = await server.startOpenAiServer();
});
afterEach(() => openai.reset());
afterAll(() => openai.close());

type Options = Partial<NonNullable<ModelOptions['embeddings']>>;

function setUp(options: Options = {}, pace: Pace = {}): { embedder: Embedder; used: Usage[] } {
  const models = createModels(
    {
      embeddings: { provider: 'openai-compatible', model: 'letters', baseUrl: openai.baseUrl, apiKey: KEY, ...options },
      answers: undefined,
    },
    { backoffMs: 1, ...pace },
  );
  const used: Usage[] = [];
  models.onUsage = (usage) => used.push(usage);
  return { embedder: models.defaultEmbedder, used };
}

async function failure(work: Promise<unknown>): Promise<EmbeddingError> {
  const error = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(EmbeddingError);
  return error as EmbeddingError;
}

function expected(text: string): number[] {
  const counts = server.letterCounts(text);
  const length = Math.hypot(...counts);
  return counts.map((count) => count / length);
}

describe('vectors', () => {
  test('come in the order of the texts over all batches, padded with zeros, of length 1', async () => {
    const { embedder, used } = setUp({ batchSize: 3 });
    const texts = Array.from({ length: 20 }, (_, index) => 'abcdefgh'.slice(0, 1 + (index % 8)).repeat(1 + index));
    const { vectors, tokens } = await embedder.embed(texts);
    expect(vectors).toHaveLength(20);
    for (const [index, vector] of vectors.entries()) {
      expect(vector).toHaveLength(EMBEDDING_WIDTH);
      for (const [at, number] of expected(texts[index] ?? '').entries()) expect(vector[at]).toBeCloseTo(number, 6);
      expect(vector.subarray(8).every((number) => number === 0)).toBe(true);
    }
    expect(openai.requests.map(({ body }) => body.input.length).sort()).toEqual([2, 3, 3, 3, 3, 3, 3]);
    expect(openai.mostAtOnce).toBeLessThanOrEqual(4);
    expect(tokens).toBe(200);
    expect(used).toHaveLength(7);
    expect(used.reduce((sum, usage) => sum + usage.tokens, 0)).toBe(200);
    expect(used[0]).toEqual({
      model: 'openai-compatible/letters',
      kind: 'embedding',
      tokens: expect.any(Number),
      seconds: expect.any(Number),
      outcome: 'ok',
    });
  });

  test('are sorted by the index of the response', async () => {
    const data = [
      { index: 1, embedding: [0, 1] },
      { index: 0, embedding: [1, 0] },
    ];
    openai.next(server.raw(JSON.stringify({ data })));
    const { vectors } = await setUp().embedder.embed(['first', 'second']);
    expect(vectors.map(([x, y]) => [x, y])).toEqual([
      [1, 0],
      [0, 1],
    ]);
  });

  test('keep their order if the indexes are invalid', async () => {
    const data = [
      { index: 0, embedding: [1, 0] },
      { index: 0, embedding: [0, 1] },
    ];
    openai.next(server.raw(JSON.stringify({ data })));
    const { vectors, tokens } = await setUp().embedder.embed(['first', 'second']);
    expect(vectors.map(([x]) => x)).toEqual([1, 0]);
    // Estimated, because the response has no count.
    expect(tokens).toBe(4);
  });

  test('of no texts send no request', async () => {
    expect(await setUp().embedder.embed([])).toEqual({ vectors: [], tokens: 0, estimated: false });
    expect(openai.requests).toHaveLength(0);
  });

  test('of long texts take several requests', async () => {
    await setUp().embedder.embed(Array.from({ length: 5 }, () => 'x'.repeat(150_000)));
    expect(openai.requests.map(({ body }) => body.input.length).sort()).toEqual([1, 2, 2]);
  });
});

describe('the request', () => {
  test.each([
    ['text-embedding-3-large', undefined, 1536, 1536],
    ['text-embedding-3-small', 512, 512, 512],
    ['text-embedding-ada-002', undefined, undefined, 1536],
  ])('OpenAI’s %s with dimensions %s', async (model, dimensions, asked, width) => {
    openai.next(server.embeddings(new Array(width).fill(1)));
    const { embedder } = setUp({ provider: 'openai', model, dimensions });
    await embedder.embed(['text']);
    const [request] = openai.requests;
    expect(request).toMatchObject({ path: '/v1/embeddings', authorization: `Bearer ${KEY}` });
    expect(request?.body).toEqual({ model, input: ['text'], encoding_format: 'float', ...(asked && { dimensions: asked }) });
    expect(embedder.id).toBe(`openai/${model}`);
    expect(embedder.dimensions).toBe(width);
  });

  test('another server gets no dimensions parameter and needs no key', async () => {
    const { embedder } = setUp({ dimensions: 8, apiKey: undefined });
    await embedder.embed(['text']);
    expect(openai.requests[0]?.authorization).toBeUndefined();
    expect(openai.requests[0]?.body).not.toHaveProperty('dimensions');
    expect(embedder.dimensions).toBe(8);
  });
});

describe('transient failures', () => {
  test.each([408, 409, 429, 500, 502, 503])('status %i twice is tried again', async (status) => {
    openai.next(server.fail(status), server.fail(status));
    const { embedder, used } = setUp();
    expect((await embedder.embed(['text'])).vectors).toHaveLength(1);
    expect(used.map(({ outcome, tokens }) => [outcome, tokens])).toEqual([
      ['error', 0],
      ['error', 0],
      ['ok', 10],
    ]);
  });

  test('a truncated response is retried', async () => {
    openai.next(server.cutOff);
    await setUp().embedder.embed(['text']);
    expect(openai.requests).toHaveLength(2);
  });

  test('Retry-After delays the retry', async () => {
    openai.next(server.fail(429, 'Slow down.', { retryAfter: '0.2' }));
    await setUp().embedder.embed(['text']);
    const [first, second] = openai.requests;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(190);
  });

  test('a Retry-After that is too long fails the call and is reported', async () => {
    openai.next(server.fail(503, 'Back tomorrow.', { retryAfter: '86400' }));
    const error = await failure(setUp().embedder.embed(['text']));
    expect(error).toMatchObject({ retryable: true, retryAfterSeconds: 86_400 });
    expect(openai.requests).toHaveLength(1);
  });

  test('retries are limited', async () => {
    openai.always(server.fail(500, 'Out of order.'));
    const error = await failure(setUp({ maxRetries: 2 }).embedder.embed(['text']));
    expect(error.message).toBe('The embedding model openai-compatible/letters answered with status 500: Out of order.');
    expect(error.retryable).toBe(true);
    expect(openai.requests).toHaveLength(3);
  });

  test('an unreachable server', async () => {
    const error = await failure(setUp({ baseUrl: 'http://127.0.0.1:1/v1', maxRetries: 1 }).embedder.embed(['text']));
    expect(error).toMatchObject({ retryable: true, message: 'The embedding model openai-compatible/letters cannot be reached.' });
  });

  test('a server that exceeds the time limit', async () => {
    openai.next(server.stall, server.stall);
    const { embedder, used } = setUp({ timeoutMs: 50, maxRetries: 1 });
    const error = await failure(embedder.embed(['text']));
    expect(error).toMatchObject({ retryable: true, message: expect.stringContaining('did not answer within 0.05 seconds') });
    expect(used.map(({ outcome }) => outcome)).toEqual(['error', 'error']);
  });
});

describe('permanent failures', () => {
  test.each([400, 401, 403, 404, 422])('status %i is not tried again', async (status) => {
    openai.next(server.fail(status, 'No.'));
    const { embedder, used } = setUp();
    const error = await failure(embedder.embed(['text']));
    expect(error).toMatchObject({ retryable: false, message: expect.stringContaining(`status ${status}: No.`) });
    expect(openai.requests).toHaveLength(1);
    expect(used.map(({ outcome }) => outcome)).toEqual(['error']);
  });

  test('an exhausted quota is not retried', async () => {
    openai.next(server.fail(429, 'You exceeded your current quota.', { code: 'insufficient_quota' }));
    expect((await failure(setUp().embedder.embed(['text']))).retryable).toBe(false);
    expect(openai.requests).toHaveLength(1);
  });

  test('a redirect is not followed', async () => {
    openai.next((response) => void response.writeHead(307, { location: `${openai.baseUrl}/embeddings` }).end());
    expect((await failure(setUp().embedder.embed(['text']))).message).toContain('status 307');
    expect(openai.requests).toHaveLength(1);
  });

  const wide = new Array(3072).fill(1);
  test.each<[string, server.Behaviour, string]>([
    ['too few vectors', server.embeddings([1, 2]), 'Expected 2 embeddings, but received 1'],
    ['too many vectors', server.embeddings([1, 2], [1, 2], [1, 2]), 'Expected 2 embeddings, but received 3'],
    ['null in a vector', server.embeddings([1, 2], [1, null]), 'cannot be read'],
    ['NaN in a vector', server.raw('{"data":[{"embedding":[1,2]},{"embedding":[NaN,1]}]}'), 'cannot be read'],
    ['a number beyond all', server.raw('{"data":[{"embedding":[1,2]},{"embedding":[1e999,1]}]}'), 'cannot be read'],
    ['a number whose square is', server.embeddings([1, 2], [1e200, 1]), 'other than a finite number'],
    ['zeros', server.embeddings([1, 2], [0, 0]), 'zeros'],
    ['an empty vector', server.embeddings([], []), 'zeros'],
    ['vectors of two widths', server.embeddings([1, 2], [1, 2, 3]), '3 numbers instead of 2'],
    ['vectors that are too wide', server.embeddings(wide, wide), 'vectors of 3072 numbers; at most 1536'],
    ['a page of HTML', server.html, 'cannot be read'],
    ['something else', server.raw('{"object":"list"}'), 'cannot be read'],
    ['an endless body', server.huge, 'too large'],
  ])('%s', async (_, behaviour, message) => {
    openai.next(behaviour);
    const error = await failure(setUp({ batchSize: 2 }).embedder.embed(['first', 'second']));
    expect(error.message).toContain(message);
    expect(error.retryable).toBe(false);
    expect(openai.requests).toHaveLength(1);
  });

  test('a width that differs from the configured or earlier one', async () => {
    openai.next(server.embeddings([1, 2, 3]));
    expect((await failure(setUp({ dimensions: 4 }).embedder.embed(['text']))).message).toContain('3 numbers instead of 4');
    const { embedder } = setUp();
    await embedder.embed(['text']);
    openai.next(server.embeddings([1, 2, 3]));
    expect((await failure(embedder.embed(['text']))).message).toContain('3 numbers instead of 8');
  });

  test('a failed batch aborts the others, and none starts after it', async () => {
    openai.next(server.stall, server.stall, server.stall, server.fail(400, 'No.'));
    const texts = Array.from({ length: 100 }, (_, index) => `text ${index}`);
    expect((await failure(setUp({ batchSize: 1 }).embedder.embed(texts))).message).toContain('No.');
    expect(openai.requests).toHaveLength(4);
  });
});

describe('messages', () => {
  test('contain neither the key nor an address with a password, and quote at most 300 characters of the provider', async () => {
    const said = `Incorrect API key provided: ${KEY}, sk-proj-12*****89. See http://user:password@host/. ${'x'.repeat(2000)}`;
    openai.next(server.fail(401, said));
    const error = await failure(setUp().embedder.embed(['text']));
    expect(error.message).toContain('Incorrect API key provided: [key], [key]');
    expect(error.message.length).toBeLessThan(400);
    const everything = [error.message, error.stack, JSON.stringify(error), error.cause].join();
    for (const secret of [KEY, 'sk-proj', 'user:password', openai.baseUrl]) expect(everything).not.toContain(secret);
  });

  test('do not quote an HTML page', async () => {
    openai.always((response) => void response.writeHead(502, { 'content-type': 'text/html' }).end(`<p>${KEY}</p>`));
    const error = await failure(setUp({ maxRetries: 0 }).embedder.embed(['text']));
    expect(error.message).toBe('The embedding model openai-compatible/letters answered with status 502: Bad Gateway');
  });
});

describe('abort', () => {
  test('ends a request with the reason itself', async () => {
    openai.next(server.stall);
    const controller = new AbortController();
    const reason = new Error('the job was stopped');
    const embedding = setUp().embedder.embed(['text'], { signal: controller.signal });
    const ended = expect(embedding).rejects.toBe(reason);
    await expect.poll(() => openai.requests.length).toBe(1);
    controller.abort(reason);
    await ended;
    expect(openai.requests).toHaveLength(1);
  });

  test('ends a pause before a retry', async () => {
    openai.next(server.fail(429, 'Slow down.', { retryAfter: '30' }));
    const controller = new AbortController();
    const { embedder, used } = setUp();
    const ended = expect(embedder.embed(['text'], { signal: controller.signal })).rejects.toThrow('This operation was aborted');
    await expect.poll(() => used.length).toBe(1);
    controller.abort();
    await ended;
  });

  test('ends the wait for a slot and for the rate limit', async () => {
    const controller = new AbortController();
    const { embedder, used } = setUp({ batchSize: 1, requestsPerMinute: 1 });
    const texts = Array.from({ length: 10 }, (_, index) => `text ${index}`);
    const ended = expect(embedder.embed(texts, { signal: controller.signal })).rejects.toThrow('This operation was aborted');
    await expect.poll(() => used.length).toBe(1);
    controller.abort();
    await ended;
    expect(openai.requests).toHaveLength(1);
  });

  test('before the start sends no request', async () => {
    await expect(setUp().embedder.embed(['text'], { signal: AbortSignal.abort() })).rejects.toThrow('This operation was aborted');
    expect(openai.requests).toHaveLength(0);
  });
});

describe('the rate limit', () => {
  /** Checks that each request arrived in its window or later. The first window opens after `start`. */
  function expectPace(start: number, perWindow: number, windowMs: number) {
    for (const [index, { at }] of openai.requests.entries()) {
      // Timers have a resolution of one millisecond.
      expect(at - start).toBeGreaterThanOrEqual(Math.floor(index / perWindow) * windowMs - 5);
    }
  }

  test('of requests includes retries', async () => {
    openai.next(server.fail(500));
    const { embedder } = setUp({ batchSize: 1, requestsPerMinute: 3 }, { windowMs: 300 });
    const start = performance.now();
    await embedder.embed(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
    expect(openai.requests).toHaveLength(8);
    expectPace(start, 3, 300);
  });

  test('of tokens is enforced', async () => {
    // Twenty estimated tokens each: two per window.
    const texts = Array.from({ length: 4 }, () => 'x'.repeat(60));
    const { embedder } = setUp({ batchSize: 1, tokensPerMinute: 50 }, { windowMs: 300 });
    const start = performance.now();
    await embedder.embed(texts);
    expect(openai.requests).toHaveLength(4);
    expectPace(start, 2, 300);
  });

  test('admits a text that is larger than the limit', async () => {
    const { embedder } = setUp({ tokensPerMinute: 10 });
    expect((await embedder.embed(['x'.repeat(300)])).vectors).toHaveLength(1);
  });

  test('is not awaited indefinitely', async () => {
    const { embedder } = setUp({ requestsPerMinute: 1 });
    await embedder.embed(['text']);
    const error = await failure(embedder.embed(['text'], { purpose: 'query' }));
    expect(error).toMatchObject({ retryable: true, message: expect.stringContaining('rate limit') });
    expect(openai.requests).toHaveLength(1);
  });
});

test('A query does not wait behind the chunks of a document', async () => {
  openai.next(server.stall, server.stall, server.stall, server.stall);
  const { embedder } = setUp({ batchSize: 1 });
  const controller = new AbortController();
  const documents = embedder.embed(['a', 'b', 'c', 'd', 'e', 'f'], { signal: controller.signal });
  const ended = expect(documents).rejects.toThrow();
  await expect.poll(() => openai.requests.length).toBe(4);
  expect((await embedder.embed(['question'], { purpose: 'query' })).vectors).toHaveLength(1);
  expect(openai.requests.map(({ body }) => body.input[0])).not.toContain('e');
  controller.abort();
  await ended;
});
