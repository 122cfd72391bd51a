import { AsyncLocalStorage } from 'node:async_hooks';
import { Readable } from 'node:stream';
import type { ExecutionResult } from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import { textOf } from '../shared-results.ts';

const KEEP_ALIVE_MS = 12_000;
const PING = ':\n\n';
const HEADERS = {
  'content-type': 'text/event-stream',
  connection: 'keep-alive',
  'cache-control': 'no-cache',
  'content-encoding': 'none',
};

const events = new WeakMap<ExecutionResult, Buffer>();

/** The bytes of a result, made once however many it is told to. */
function eventOf(result: ExecutionResult): Buffer {
  let event = events.get(result);
  if (!event) {
    event = Buffer.from(`event: next\ndata: ${textOf(withoutHttp(result))}\n\n`);
    events.set(result, event);
  }
  return event;
}

/** Without what is meant for the status of an answer. */
function withoutHttp(result: ExecutionResult): ExecutionResult {
  if (!result.errors) return result;
  const errors = result.errors.map((error) => {
    const { http: _http, unexpected: _unexpected, ...extensions } = error.extensions ?? {};
    const { extensions: _all, ...rest } = error.toJSON();
    return Object.keys(extensions).length > 0 ? { ...rest, extensions } : rest;
  });
  return { ...result, errors } as unknown as ExecutionResult;
}

/** Reads results at the pace at which the connection takes them. */
function streamOf(results: AsyncIterable<ExecutionResult>): Readable {
  const iterator = results[Symbol.asyncIterator]();
  const inScope = AsyncLocalStorage.snapshot();
  let reading = false;

  async function read(stream: Readable): Promise<void> {
    reading = true;
    try {
      for (;;) {
        const { done, value } = await iterator.next();
        if (stream.destroyed) return;
        if (done) {
          stream.push('event: complete\ndata:\n\n');
          stream.push(null);
          return;
        }
        if (!stream.push(eventOf(value))) return;
      }
    } catch (error) {
      stream.destroy(error as Error);
    } finally {
      reading = false;
    }
  }

  const stream = new Readable({
    highWaterMark: 16 * 1024,
    read() {
      if (!reading) inScope(() => void read(this));
    },
    destroy(error, done) {
      clearInterval(pings);
      Promise.resolve(iterator.return?.()).then(
        () => done(error),
        (failure) => done(error ?? failure),
      );
    },
  });
  const pings = setInterval(() => {
    if (stream.readableLength === 0) stream.push(PING);
  }, KEEP_ALIVE_MS);
  // Some browsers tell nobody of an answer without a body.
  stream.push(PING);
  return stream;
}

/** Whether the client takes server-sent events and nothing else that a stream could be told in. */
function takesEventsOnly(accept: string): boolean {
  return accept.includes('text/event-stream') && !accept.includes('multipart/mixed') && !accept.includes('*/*');
}

/** Tells subscriptions over SSE as Yoga does, from bytes that all who get the same result have in common. */
export function eventStreams(): Plugin {
  return {
    onResultProcess({ request, result, setResultProcessor }) {
      if (!isAsyncIterable(result) || !takesEventsOnly(request.headers.get('accept') ?? '')) return;
      setResultProcessor(
        (results, fetchAPI) =>
          new fetchAPI.Response(streamOf(results as AsyncIterable<ExecutionResult>) as never, { status: 200, headers: HEADERS }),
        'text/event-stream',
      );
    },
  };
}
