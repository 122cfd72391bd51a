import { Agent, fetch as fetchOf } from 'undici';
import { createAddressPolicy } from './address-policy.ts';
import { AddressNotAllowedError, checkUrl } from './check-url.ts';
import { createDnsResolver, type DnsResolver } from './dns-resolver.ts';
import { limitBody } from './limited-body.ts';
import { type Hop, nextHop, redirectOf } from './redirects.ts';
import { type Connect, connectSocket, ssrfSafeConnector } from './ssrf-safe-connector.ts';

export interface SsrfSafeFetchOptions {
  /** Allowed networks that are not public, such as `10.1.0.0/16`. Plain http is restricted to them. */
  allow?: readonly string[];
  resolve?: DnsResolver;
  connect?: Connect;
  /** The size limit of a response after decompression, or of each event of an event stream. @default 8 MiB */
  maxResponseBytes?: number;
  /** The time limit of the DNS lookup, and again of the connection with TLS. @default 10 seconds */
  connectTimeoutMs?: number;
  /** The time limit until the response headers. Slow tools send none before they finish. @default 5 minutes */
  headersTimeoutMs?: number;
  /** The time limit of the response body. Does not apply to event streams, which last until the caller aborts. @default 2 minutes */
  bodyTimeoutMs?: number;
  /** @default 3 */
  maxRedirects?: number;
}

export type SsrfSafeFetch = typeof fetch & {
  /** Aborts the pending requests. */
  close(): Promise<void>;
};

/**
 * Creates a `fetch` for URLs from tenants. Rejects with AddressNotAllowedError before it connects to an address that is not public, whether
 * the URL contains a name, an encoded address or leads there by a redirect.
 */
export function createSsrfSafeFetch(options: SsrfSafeFetchOptions = {}): SsrfSafeFetch {
  const { maxResponseBytes = 8 * 1024 * 1024, headersTimeoutMs = 300_000, bodyTimeoutMs = 120_000, maxRedirects = 3 } = options;
  const { resolve = createDnsResolver(), connect = connectSocket, connectTimeoutMs = 10_000 } = options;
  const policy = createAddressPolicy(options.allow);
  const agent = new Agent({
    connect: ssrfSafeConnector({ policy, resolve, connect, timeoutMs: connectTimeoutMs }),
    allowH2: false,
    headersTimeout: headersTimeoutMs,
    // Off: undici limits only pauses, and also those of event streams. `limitBody` limits the whole body.
    bodyTimeout: 0,
    // After this time the name is resolved again.
    keepAliveMaxTimeout: 60_000,
  });

  async function send({ url, method, headers, body }: Hop, signal: AbortSignal | null | undefined) {
    const init = { method, headers: [...headers], body: body ?? null, signal: signal ?? null };
    try {
      return await fetchOf(url, { ...init, redirect: 'manual', dispatcher: agent });
    } catch (error) {
      // undici wraps every error in `fetch failed`.
      const cause = error instanceof Error ? error.cause : undefined;
      throw cause instanceof AddressNotAllowedError ? cause : error;
    }
  }

  async function guarded(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const url = checkUrl(input instanceof Request ? input.url : input, policy);
    const request = new Request(input, { ...init, signal: null });
    const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined);
    const body = request.body ? await request.bytes() : undefined;
    let hop: Hop = { url, method: request.method, headers: request.headers, body };

    for (let redirects = 0; ; redirects++) {
      const response = await send(hop, signal);
      const location = redirectOf(response);
      if (location === undefined || request.redirect === 'manual') return finish(response, hop.url, redirects > 0);
      await response.body?.cancel();
      if (request.redirect === 'error') throw new TypeError('The server redirects, and the request does not allow redirects.');
      if (redirects >= maxRedirects) throw new AddressNotAllowedError('The server redirects too many times.');
      hop = nextHop(hop, response.status, location, policy);
    }
  }

  async function finish(response: Awaited<ReturnType<typeof send>>, url: URL, redirected: boolean): Promise<Response> {
    const { status, statusText, body } = response;
    if (status < 200 || status > 599) {
      await body?.cancel();
      throw new TypeError(`The server sent the invalid HTTP status ${status}.`);
    }
    const headers = new Headers([...response.headers]);
    const limits = { maxBytes: maxResponseBytes, timeoutMs: bodyTimeoutMs };
    const limited = body && limitBody(body.getReader(), headers.get('content-type'), limits);
    const answer = new Response(limited, { status, statusText, headers });
    // The Response constructor sets neither.
    return Object.defineProperties(answer, { url: { value: url.href }, redirected: { value: redirected } });
  }

  return Object.assign(guarded, { close: () => agent.destroy() });
}
