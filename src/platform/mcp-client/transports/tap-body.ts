/** Replaces the bytes of a body. */
export interface BodyFilter {
  /** May return no bytes, and later more than it was given. */
  push(chunk: Uint8Array): Uint8Array;
  /** Returns the bytes after the last chunk. */
  end(): Uint8Array;
}

/**
 * Returns the response with a body that passes each chunk to `read`, which may throw to abort, and then through the filter. Calls `ended`
 * once.
 */
export function tapBody(
  response: Response,
  read: (chunk: Uint8Array) => void,
  ended: (error?: unknown) => void,
  filter?: BodyFilter,
): Response {
  const { status, statusText, headers, body } = response;
  if (!body) {
    ended();
    return response;
  }
  const reader = body.getReader();
  let isCancelled = false;
  const watched = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        // The stream does not pull again before it gets a chunk.
        for (let isWaiting = true; isWaiting; ) {
          const { done, value } = await reader.read();
          // A pending read after cancel ends without an error.
          if (isCancelled) return;
          if (value) read(value);
          const bytes = done ? filter?.end() : filter ? filter.push(value) : value;
          isWaiting = !done && bytes?.byteLength === 0;
          if (bytes && bytes.byteLength > 0) controller.enqueue(bytes);
          if (done) {
            controller.close();
            ended();
          }
        }
      } catch (error) {
        if (isCancelled) return;
        ended(error);
        controller.error(error);
        // The body is unused now, so a failed cancel has no effect.
        await reader.cancel(error).catch(() => {});
      }
    },
    cancel(reason) {
      isCancelled = true;
      ended();
      return reader.cancel(reason);
    },
  });
  return new Response(watched, { status, statusText, headers });
}
