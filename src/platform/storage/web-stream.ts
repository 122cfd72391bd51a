import { Readable } from 'node:stream';

/** Node's own conversion takes no streams but Node's, and waits for the next bytes before it lets go of a stream that is given up. */
export function fromWeb(source: ReadableStream<Uint8Array>): Readable {
  const reader = source.getReader();
  return new Readable({
    read() {
      reader.read().then(
        ({ done, value }) => this.push(done ? null : value),
        (error: Error) => this.destroy(error),
      );
    },
    destroy(error, done) {
      reader.cancel(error).then(
        () => done(error),
        (failure: Error) => done(error ?? failure),
      );
    },
  });
}
