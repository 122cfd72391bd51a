import type { Socket } from 'node:net';
import type { ExecutionResult } from 'graphql';
import type { WebSocket } from 'ws';
import type { BufferedIterator } from '../../live/buffered-iterator.ts';
import { resultBytes } from './event-result-cache.ts';
import { webSocketTextFrames } from './websocket-frame.ts';

/** Bytes that a socket may buffer before the sender waits for it to drain. */
const MAX_WAITING = 64 * 1024;
const AFTER = Buffer.from('}');

export interface WebSocketReceiver {
  socket: WebSocket;
  /** The socket below the WebSocket. Without compression, frames may be written to it between those of `ws`. */
  duplex: Socket;
  /** The id of the operation, chosen by the client. */
  id: string;
}

/**
 * Whether frames may be written past `ws`. With an extension (compression), `ws` transforms and queues its own frames: ours would be invalid
 * or overtake them, so graphql-ws sends every result.
 */
export function takesFrames({ socket, duplex }: Pick<WebSocketReceiver, 'socket' | 'duplex'>): boolean {
  return socket.extensions === '' && typeof duplex.write === 'function';
}

/**
 * Writes the results of a subscription without errors to the socket, in bytes that subscribers share. The returned iterator leaves the
 * rest to graphql-ws: results with errors, and the end.
 * @param run requests results as the viewer
 */
export function sendResults(
  results: BufferedIterator<ExecutionResult>,
  { socket, duplex, id }: WebSocketReceiver,
  run: <T>(work: () => T) => T,
): AsyncGenerator<ExecutionResult, undefined> {
  const before = Buffer.from(`{"id":${JSON.stringify(id)},"type":"next","payload":`);
  let returned = false;
  /** Results of this turn of the event loop, sent together. */
  let waiting: Buffer[] = [];
  let waitingBytes = 0;

  function flush(sent?: () => void): void {
    const texts = waiting;
    waiting = [];
    waitingBytes = 0;
    // The client has disconnected; the close event of the socket reports it.
    if (texts.length > 0 && socket.readyState === socket.OPEN)
      duplex.write(webSocketTextFrames(before, texts, AFTER), sent && (() => sent()));
    else sent?.();
  }

  /** @returns a promise that settles when the socket has drained, if its buffer is full */
  function send(result: ExecutionResult): Promise<void> | undefined {
    if (returned || socket.readyState !== socket.OPEN) return undefined;
    const text = resultBytes(result);
    if (waiting.push(text) === 1) setImmediate(flush);
    waitingBytes += before.length + text.length;
    return socket.bufferedAmount + waitingBytes > MAX_WAITING ? new Promise(flush) : undefined;
  }

  async function next(): Promise<IteratorResult<ExecutionResult, undefined>> {
    for (;;) {
      await results.drain(send);
      const { done, value } = await results.next();
      // The next message of graphql-ws must follow all earlier results.
      if (done || value.errors) flush();
      if (done) return { done: true, value: undefined };
      if (value.errors) return { done: false, value };
      await send(value);
    }
  }

  async function end(): Promise<IteratorResult<ExecutionResult, undefined>> {
    returned = true;
    flush();
    await results.return();
    return { done: true, value: undefined };
  }

  return {
    next: () => run(next),
    return: end,
    async throw(error) {
      await end();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await end();
    },
  };
}
