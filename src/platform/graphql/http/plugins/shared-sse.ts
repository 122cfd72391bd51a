import { AsyncLocalStorage } from 'node:async_hooks';
import { Readable } from 'node:stream';
import type { ExecutionResult } from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import { UNBUFFERED } from '../../../http/unbuffered.ts';
import type { BufferedIterator } from '../../../live/buffered-iterator.ts';
import type { GraphQLContext } from '../../context.ts';
import { resultText } from '../event-result-cache.ts';
import { bufferedResultsOf } from '../subscription-executor.ts';

const KEEP_ALIVE_MS = 12_000;
/** Bytes to buffer for a connection. */
const MAX_WAITING = 16 * 1024;
const PING = ':\n\n';
const HEADERS = {
  'content-type': 'text/event-stream',
  connection: 'keep-alive',
  'content-encoding': 'none',
};
const STREAM = /^(?:text\/event-stream|multipart\/mixed)/;

const events = new WeakMap<ExecutionResult, Buffer>();

/** The bytes of a result, created once for all subscribers. */
function eventOf(result: ExecutionResult): Buffer {
  let event = events.get(result);
  if (!event) {
    event = Buffer.from(`event: next\ndata: ${resultText(withoutHttp(result))}\n\n`);
    events.set(result, event);
  }
  return event;
}

/** The error without its HTTP extension, which sets the status of other responses. */
function withoutHttp(result: ExecutionResult): ExecutionResult {
  if (!result.errors) return result;
  const errors = result.errors.map((error) => {
    const { http: _http, unexpected: _unexpected, ...extensions } = error.extensions ?? {};
    const { extensions: _all, ...rest } = error.toJSON();
    return Object.keys(extensions).length > 0 ? { ...rest, extensions } : rest;
  });
  return { ...result, errors } as unknown as ExecutionResult;
}

/** Reads results at the pace of the connection. */
function streamOf(results: BufferedIterator<ExecutionResult>): Readable {
  const inScope = AsyncLocalStorage.snapshot();
  let reading = false;
  let full = false;
  /** Events of this turn of the event loop, sent together: an HTTP chunk costs more than the copy. */
  let waiting: Buffer[] = [];
  let waitingBytes = 0;

  function flush(): void {
    if (waiting.length === 0 || stream.destroyed) return;
    const bytes = waiting.length === 1 ? waiting[0] : Buffer.concat(waiting, waitingBytes);
    waiting = [];
    waitingBytes = 0;
    // A stream with events needs no keep-alive comment.
    pings.refresh();
    if (!stream.push(bytes)) full = true;
  }

  function add(result: ExecutionResult): undefined {
    const event = eventOf(result);
    if (waiting.push(event) === 1) setImmediate(flush);
    waitingBytes += event.length;
    if (waitingBytes >= MAX_WAITING) flush();
  }

  const isOpen = () => !full && !stream.destroyed;

  async function read(): Promise<void> {
    reading = true;
    try {
      for (;;) {
        await results.drain(add, isOpen);
        if (!isOpen()) return;
        const { done, value } = await results.next();
        if (stream.destroyed) return;
        if (done) {
          flush();
          stream.push('event: complete\ndata:\n\n');
          stream.push(null);
          return;
        }
        add(value);
      }
    } catch (error) {
      stream.destroy(error as Error);
    } finally {
      reading = false;
    }
  }

  const stream = new Readable({
    highWaterMark: MAX_WAITING,
    read() {
      full = false;
      if (!reading) inScope(() => void read());
    },
    destroy(error, done) {
      clearInterval(pings);
      results.return().then(
        () => done(error),
        (failure) => done(error ?? failure),
      );
    },
  });
  const pings = setInterval(() => {
    if (stream.readableLength === 0) stream.push(PING);
  }, KEEP_ALIVE_MS);
  // Some browsers report a response only once its body starts.
  stream.push(PING);
  return stream;
}

/** Whether the client accepts server-sent events and no other streaming media type. */
function acceptsOnlySse(accept: string): boolean {
  return accept.includes('text/event-stream') && !accept.includes('multipart/mixed') && !accept.includes('*/*');
}

/** Sends subscriptions over SSE as Yoga does, but shares the bytes of a result among its subscribers. */
export function useSharedSse(): Plugin<object, Pick<GraphQLContext, 'results'>> {
  return {
    onResponse({ response }) {
      if (!STREAM.test(response.headers.get('content-type') ?? '')) return;
      for (const [name, value] of Object.entries(UNBUFFERED)) response.headers.set(name, value);
    },
    onResultProcess({ request, result, setResultProcessor, serverContext }) {
      if (!isAsyncIterable(result) || !acceptsOnlySse(request.headers.get('accept') ?? '')) return;
      setResultProcessor((wrapped, fetchAPI) => {
        // A request has one operation, because batching is off: Yoga derives its context from the request's.
        const stream = streamOf(bufferedResultsOf(serverContext, wrapped as AsyncIterable<ExecutionResult>));
        return new fetchAPI.Response(stream as never, { status: 200, headers: HEADERS });
      }, 'text/event-stream');
    },
  };
}
