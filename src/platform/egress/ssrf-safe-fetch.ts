import { Agent, fetch as fetchOf } from 'undici';
import { createAddressPolicy } from './address-policy.ts';
import { AddressNotAllowedError, checkUrl } from './check-url.ts';
import { createDnsResolver, type DnsResolver } from './dns-resolver.ts';
import { limitBody } from './limited-body.ts';
import { type Hop, nextHop, redirectOf } from './redirects.ts';
import { type Connect, connectSocket, ssrfSafeConnector } from './ssrf-safe-connector.ts';

export interface SsrfSafeFetchOptions {
  /** Networks that may be connected to although they are not public, such as `10.1.0.0/16`. Plain http leads nowhere else. */
  allow?: readonly string[];
  resolve?: DnsResolver;
  connect?: Connect;
  /** Of an answer after decompression, and of each event of an event stream. @default 8 MiB */
  maxResponseBytes?: number;
  /** For looking up a name, and again for the connection with TLS. @default 10 seconds */
  connectTimeoutMs?: number;
  /** Until the answer begins. Tools that take their time say nothing before. @default 5 minutes */
  headersTimeoutMs?: number;
  /** From there to the end of the answer, unless it is an event stream: those last until the caller aborts. @default 2 minutes */
  bodyTimeoutMs?: number;
  /** @default 3 */
  maxRedirects?: number;
}

export type SsrfSafeFetch = typeof fetch & {
  /** Breaks off what is under way. */
  close(): Promise<void>;
};

/**
 * A `fetch` for addresses that tenants give. Rejects with an AddressNotAllowedError before a connection is opened to anything that is
 * not public, by whatever name, encoding or redirect it is asked for.
 */
export function createSsrfSafeFetch(options: SsrfSafeFetchOptions = {}): SsrfSafeFetch {
  const { maxResponseBytes = 8 * 1024 * 1024, headersTimeoutMs = 300_000, bodyTimeoutMs = 120_000, maxRedirects = 3 } = options;
  const { resolve = createDnsResolver(), connect = connectSocket, connectTimeoutMs = 10_000 } = options;
  const policy = createAddressPolicy(options.allow);
  const agent = new Agent({
    connect: ssrfSafeConnector({ policy, resolve, connect, timeoutMs: connectTimeoutMs }),
    allowH2: false,
    headersTimeout: headersTimeoutMs,
    // Bounded as a whole below: undici bounds the pauses only, and those of event streams too.
    bodyTimeout: 0,
    // After that a name is looked up anew.
    keepAliveMaxTimeout: 60_000,
  });

  async function send({ url, method, headers, body }: Hop, signal: AbortSignal | null | undefined) {
    const init = { method, headers: [...headers], body: body ?? null, signal: signal ?? null };
    try {
      return await fetchOf(url, { ...init, redirect: 'manual', dispatcher: agent });
    } catch (error) {
      // undici calls every failure `fetch failed`.
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
      if (request.redirect === 'error') throw new TypeError('The server redirects, and the request forbids that.');
      if (redirects >= maxRedirects) throw new AddressNotAllowedError('The server redirects too many times.');
      hop = nextHop(hop, response.status, location, policy);
    }
  }

  async function finish(response: Awaited<ReturnType<typeof send>>, url: URL, redirected: boolean): Promise<Response> {
    const { status, statusText, body } = response;
    if (status < 200 || status > 599) {
      await body?.cancel();
      throw new TypeError(`The server answered with status ${status}, which HTTP does not have.`);
    }
    const headers = new Headers([...response.headers]);
    const bounds = { maxBytes: maxResponseBytes, timeoutMs: bodyTimeoutMs };
    const bounded = body && limitBody(body.getReader(), headers.get('content-type'), bounds);
    const answer = new Response(bounded, { status, statusText, headers });
    // A response that was built by hand knows neither.
    return Object.defineProperties(answer, { url: { value: url.href }, redirected: { value: redirected } });
  }

  return Object.assign(guarded, { close: () => agent.destroy() });
}
