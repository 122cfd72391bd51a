import type { Plugin } from 'graphql-yoga';

/** Bytes past the limit that are read and discarded: a client that is disconnected while it sends receives no response. */
const PATIENCE_BYTES = 16_777_216;

/** Rejects bodies that are too large, by Content-Length, or without it by the bytes read. */
export function useBodyLimit(most: number): Plugin {
  const body = JSON.stringify({
    errors: [{ message: `The body of a request has at most ${most} bytes.`, extensions: { code: 'BODY_TOO_LARGE' } }],
  });
  const tooLarge = () =>
    new Response(body, {
      status: 413,
      // The rest of the body stays unread, so the connection cannot be reused.
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
