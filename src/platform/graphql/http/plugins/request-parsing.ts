import { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';

const UNSUPPORTED = JSON.stringify({
  errors: [{ message: 'Send the operation as application/json.', extensions: { code: 'UNSUPPORTED_MEDIA_TYPE' } }],
});

/** Reports a parser error to the client, which caused it, without repeating its body. */
function badRequest(error: unknown): unknown {
  if (error instanceof Error && error.name === 'AbortError') return error;
  const known = error instanceof GraphQLError ? error : undefined;
  const { originalError: _quotesTheBody, http, ...extensions } = known?.extensions ?? {};
  return new GraphQLError(known?.message ?? 'The parameters of the request are not valid.', {
    // Without Yoga's `spec`: the status is never 200 for a request that is not GraphQL, whichever media type the client accepts.
    extensions: {
      code: 'BAD_REQUEST',
      ...extensions,
      http: { status: (http as { status?: number } | undefined)?.status ?? 400 },
    },
  });
}

/** Reports every malformed request with an error code. Runs after the parsers, and after the plugins that reject before parsing. */
export function useRequestParsing(): Plugin {
  return {
    onRequestParse({ request, requestParser, setRequestParser, endResponse, fetchAPI }) {
      if (!requestParser) {
        if (request.method !== 'POST') return;
        const headers = { 'content-type': 'application/json; charset=utf-8' };
        endResponse(new fetchAPI.Response(UNSUPPORTED, { status: 415, headers }));
        return;
      }
      setRequestParser(async (incoming) => {
        try {
          return await requestParser(incoming);
        } catch (error) {
          throw badRequest(error);
        }
      });
    },
  };
}
