import { AsyncLocalStorage } from 'node:async_hooks';
import { Readable } from 'node:stream';
import type { ExecutionResult } from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import type { RequestInfo } from '../../auth/viewer.ts';
import type { Ready } from '../../live/ready.ts';
import type { GraphQLContext } from '../context.ts';
import { readyResults } from '../live-results.ts';
import { textOf } from '../shared-results.ts';

const KEEP_ALIVE_MS = 12_000;
/** Bytes that are read ahead of a connection. */
const MAX_WAITING = 16 * 1024;
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

/**
 * Reads results at the pace at which the connection takes them.
 * @param ready the same results, as far as they are there
 */
function streamOf(results: AsyncIterable<ExecutionResult>, ready: Ready<ExecutionResult> | undefined): Readable {
  const iterator = results[Symbol.asyncIterator]();
  const inScope = AsyncLocalStorage.snapshot();
  let reading = false;
  let full = false;
  /** Events of this turn, which go out together: a chunk of HTTP costs more than the copy. */
  let waiting: Buffer[] = [];
  let waitingBytes = 0;

  function flush(): void {
    if (waiting.length === 0 || stream.destroyed) return;
    const bytes = waiting.length === 1 ? waiting[0] : Buffer.concat(waiting, waitingBytes);
    waiting = [];
    waitingBytes = 0;
    // A stream that tells something needs no comment to be kept alive.
    pings.refresh();
    if (!stream.push(bytes)) full = true;
  }

  function add(result: ExecutionResult): void {
    const event = eventOf(result);
    if (waiting.push(event) === 1) setImmediate(flush);
    waitingBytes += event.length;
    if (waitingBytes >= MAX_WAITING) flush();
  }

  async function read(): Promise<void> {
    reading = true;
    try {
      while (!full && !stream.destroyed) {
        const result = ready?.take();
        if (result) {
          add(result);
          continue;
        }
        const more = ready?.ready();
        if (more) {
          await more;
          continue;
        }
        const { done, value } = await iterator.next();
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
export function eventStreams(): Plugin<object, { edge: { request: RequestInfo } }> {
  const contexts = new WeakMap<RequestInfo, GraphQLContext>();
  return {
    onSubscribe({ args: { contextValue } }) {
      const context = contextValue as unknown as GraphQLContext;
      contexts.set(context.request, context);
    },
    onResultProcess({ request, result, setResultProcessor, serverContext }) {
      if (!isAsyncIterable(result) || !takesEventsOnly(request.headers.get('accept') ?? '')) return;
      // A request has one operation.
      const context = contexts.get(serverContext.edge.request);
      const ready = context && readyResults.get(context);
      setResultProcessor((results, fetchAPI) => {
        const stream = streamOf(results as AsyncIterable<ExecutionResult>, ready);
        return new fetchAPI.Response(stream as never, { status: 200, headers: HEADERS });
      }, 'text/event-stream');
    },
  };
}
