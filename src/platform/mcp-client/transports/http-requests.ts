import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import { McpCallError } from '../errors.ts';
import { MAX_REFUSAL_BYTES, refusesSession, sessionLost, toFetchError, toStatusError } from '../map-errors.ts';

/** Limit for messages without a waiting caller: notifications and our responses to server requests. */
const NOTICE_MS = 10_000;

export interface SentRequest {
  url: string | URL;
  init: RequestInit;
  /** Whether the URL names a session. Otherwise a header does, if there is one. */
  inSession?: boolean;
}

/** Sends an SDK request. Rejects with a user-readable error for all but successes and redirects. */
export async function sendRequest(
  fetch: FetchLike,
  { url, init, inSession = new Headers(init.headers).has('mcp-session-id') }: SentRequest,
  signal: AbortSignal = AbortSignal.timeout(NOTICE_MS),
) {
  const signals = init.signal ? [init.signal, signal] : [signal];
  const either = AbortSignal.any(signals);
  const response = await fetch(url, { ...init, signal: either }).catch((error: unknown) => {
    throw either.aborted ? either.reason : toFetchError(error);
  });
  if (response.ok) return response;
  const { status, headers } = response;
  const said = inSession && status === 400 ? await beginningOf(response) : '';
  // Discards the body, which may be endless and is not user-readable.
  await response.body?.cancel().catch(() => {});
  // The SDK follows a redirect within the origin and treats a 405 as "no such stream".
  if ((status >= 300 && status < 400) || (status === 405 && init.method === 'GET')) {
    return new Response(null, { status, headers });
  }
  throw inSession && refusesSession(status, said) ? sessionLost() : toStatusError(status);
}

async function beginningOf({ body }: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const part of body ?? []) {
      parts.push(part);
      bytes += part.byteLength;
      if (bytes >= MAX_REFUSAL_BYTES) break;
    }
  } catch {
    // What arrived is enough.
  }
  return Buffer.concat(parts).toString('utf8', 0, MAX_REFUSAL_BYTES);
}

export function tooLarge(maxBytes: number): McpCallError {
  return new McpCallError('TOO_LARGE', `The MCP server sent a message of more than ${maxBytes} bytes.`, { mayHaveRun: true });
}
