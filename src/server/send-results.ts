import type { Socket } from 'node:net';
import type { ExecutionResult } from 'graphql';
import type { WebSocket } from 'ws';
import { textOf } from '../graphql/shared-results.ts';

/** Bytes that may wait in the socket of a reader before it is waited for. */
const MAX_WAITING = 64 * 1024;

export interface Receiver {
  socket: WebSocket;
  /** What the WebSocket runs over. */
  duplex: Socket;
  /** Of the operation, as the client has named it. */
  id: string;
}

/**
 * Sends the results of a subscription that have no errors straight to the socket, in the text they have in common with others.
 * What comes out is left to graphql-ws: results with errors, and the end.
 * @param run as whom results are asked for
 */
export function sendResults(
  results: AsyncIterable<ExecutionResult>,
  { socket, duplex, id }: Receiver,
  run: <T>(work: () => T) => T,
): AsyncGenerator<ExecutionResult, undefined> {
  const iterator = results[Symbol.asyncIterator]();
  const head = `{"id":${JSON.stringify(id)},"type":"next","payload":`;
  let returned = false;

  async function next(): Promise<IteratorResult<ExecutionResult, undefined>> {
    for (;;) {
      const { done, value } = await iterator.next();
      if (done) return { done: true, value: undefined };
      if (value.errors) return { done: false, value };
      if (returned || socket.readyState !== socket.OPEN) continue;
      cork(duplex);
      const sent = `${head}${textOf(value)}}`;
      if (socket.bufferedAmount + sent.length > MAX_WAITING)
        await new Promise<void>((resolve) => socket.send(sent, () => resolve()));
      // Whoever is gone has no use for it: the socket's end is told elsewhere.
      else socket.send(sent, () => {});
    }
  }

  async function end(): Promise<IteratorResult<ExecutionResult, undefined>> {
    returned = true;
    await iterator.return?.();
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

/** What is written in this turn goes out together. */
function cork(duplex: Socket): void {
  if (duplex.writableCorked > 0) return;
  duplex.cork();
  process.nextTick(() => duplex.uncork());
}
