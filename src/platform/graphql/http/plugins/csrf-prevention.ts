import { useCSRFPrevention } from '@graphql-yoga/plugin-csrf-prevention';
import { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';

/** Headers that a page of another site can only send after the browser has asked this server. */
const PREFLIGHTED_HEADERS = ['authorization', 'x-graphql-yoga-csrf', 'graphql-require-preflight'];

/**
 * Refuses POST requests that a page of another site could send without asking: forms, uploads and plain text. GET needs no
 * such header, for it can change nothing, and no credential travels by itself.
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
