import { useCSRFPrevention } from '@graphql-yoga/plugin-csrf-prevention';
import { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';

/** Headers that a page of another site can send only after a CORS preflight. */
const PREFLIGHTED_HEADERS = ['authorization', 'x-graphql-yoga-csrf', 'graphql-require-preflight'];

/**
 * Rejects POST requests that a page of another site could send without a preflight: forms, uploads and plain text. GET needs no such
 * header: it changes nothing, and browsers attach no credential.
 */
export function useCsrfPrevention(): Plugin {
  const { onRequestParse } = useCSRFPrevention({ requestHeaders: PREFLIGHTED_HEADERS });
  return {
    onRequestParse(payload) {
      if (payload.request.method !== 'POST') return;
      try {
        onRequestParse?.(payload as never);
      } catch {
        throw new GraphQLError(`A request of this content type needs one of the headers ${PREFLIGHTED_HEADERS.join(', ')}.`, {
          extensions: { code: 'CSRF_PREVENTED', http: { status: 403 } },
        });
      }
    },
  };
}
