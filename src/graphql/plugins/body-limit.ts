import { createGraphQLError, type Plugin } from 'graphql-yoga';

function tooLarge(most: number) {
  return createGraphQLError(`The body of a request has at most ${most} bytes.`, {
    extensions: { code: 'BODY_TOO_LARGE', http: { status: 413, spec: true } },
  });
}

/** Refuses bodies that are too large: by what they announce, and while reading where they announce nothing. */
export function bodyLimit(most: number): Plugin {
  return {
    onRequestParse({ request, requestParser, setRequestParser }) {
      if (!requestParser || request.method !== 'POST') return;
      const announced = request.headers.get('content-length');
      if (announced !== null && Number(announced) > most) throw tooLarge(most);
      if (announced !== null) return;
      setRequestParser(async (original) => {
        const chunks: Uint8Array[] = [];
        let size = 0;
        for await (const chunk of original.body ?? []) {
          size += chunk.byteLength;
          if (size > most) throw tooLarge(most);
          chunks.push(chunk);
        }
        const { url, method, headers } = original;
        return requestParser(new Request(url, { method, headers, body: Buffer.concat(chunks) }));
      });
    },
  };
}
