import { useCSRFPrevention } from '@graphql-yoga/plugin-csrf-prevention';
import type { Plugin } from 'graphql-yoga';

/** Headers that a page of another site can only send after the browser has asked this server. */
const PREFLIGHTED_HEADERS = ['authorization', 'x-graphql-yoga-csrf', 'graphql-require-preflight'];

/**
 * Refuses POST requests that a page of another site could send without asking: forms, uploads and plain text. GET needs no
 * such header, for it can change nothing, and no credential travels by itself.
 */
export function csrfPrevention(): Plugin {
  const { onRequestParse } = useCSRFPrevention({ requestHeaders: PREFLIGHTED_HEADERS });
  return {
    onRequestParse(payload) {
      return payload.request.method === 'POST' ? onRequestParse?.(payload as never) : undefined;
    },
  };
}
