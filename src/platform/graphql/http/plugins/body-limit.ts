import type { Plugin } from 'graphql-yoga';

/** Read past the limit and thrown away: a client that is cut off while it sends sees a broken connection, and no answer. */
const PATIENCE_BYTES = 16_777_216;

/** Refuses bodies that are too large: by what they announce, and by what is read where they announce nothing. */
export function useBodyLimit(most: number): Plugin {
  const body = JSON.stringify({
    errors: [{ message: `The body of a request has at most ${most} bytes.`, extensions: { code: 'BODY_TOO_LARGE' } }],
  });
  const tooLarge = () =>
    new Response(body, {
      status: 413,
      // What may be left of the body is not read: nothing else can follow on this connection.
      headers: { 'content-type': 'application/json; charset=utf-8', connection: 'close' },
    });
  return {
    async onRequest({ request, setRequest, endResponse }) {
      if (request.method !== 'POST') return;
      const announced = request.headers.get('content-length');
      if (announced !== null && Number(announced) <= most) return;
      if (announced !== null && Number(announced) > most + PATIENCE_BYTES) return endResponse(tooLarge());
      const chunks: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of request.body ?? []) {
        size += chunk.byteLength;
        if (size > most + PATIENCE_BYTES) break;
        if (size <= most) chunks.push(chunk);
      }
      if (size > most) return endResponse(tooLarge());
      const { url, method, headers, signal } = request;
      setRequest(new Request(url, { method, headers, signal, body: Buffer.concat(chunks) }));
    },
  };
}
