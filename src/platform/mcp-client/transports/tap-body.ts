/** The same answer, whose body is read along by `read`, which may throw to end it. `ended` is told once how it ended. */
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
        // What was under way then ends as if it were all there is.
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
        // It is of no use to anybody: whether it could be cancelled changes nothing.
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
