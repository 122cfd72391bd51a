/** Returns the response with a body that passes each chunk to `read`, which may throw to abort. Calls `ended` once. */
export function tapBody(response: Response, read: (chunk: Uint8Array) => void, ended: (error?: unknown) => void): Response {
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
        const { done, value } = await reader.read();
        // A pending read after cancel ends without an error.
        if (isCancelled) return;
        if (!done) {
          read(value);
          controller.enqueue(value);
          return;
        }
        controller.close();
        ended();
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
