import type { AddressPolicy } from './address-policy.ts';
import { AddressNotAllowedError, checkUrl } from './check-url.ts';

export interface Hop {
  url: URL;
  method: string;
  headers: Headers;
  body: Uint8Array<ArrayBuffer> | undefined;
}

const STATUSES = new Set([301, 302, 303, 307, 308]);
/** Headers that may follow a redirect to another origin. Any other may contain a secret. */
const CROSS_ORIGIN_HEADERS = new Set(['accept', 'accept-language', 'content-type', 'user-agent']);

/** The location of a redirect response; undefined for any other response. */
export function redirectOf(response: { status: number; headers: { get(name: string): string | null } }): string | undefined {
  return STATUSES.has(response.status) ? (response.headers.get('location') ?? undefined) : undefined;
}

/** The request that follows a redirect. Checks its URL like the first. Throws AddressNotAllowedError. */
export function nextHop(hop: Hop, status: number, location: string, policy: AddressPolicy): Hop {
  const url = checkTarget(hop.url, location, policy);
  const next: Hop = { ...hop, url, headers: new Headers(hop.headers) };
  const isRepeated = status === 307 || status === 308 || hop.method === 'GET' || hop.method === 'HEAD';
  if (!isRepeated) {
    next.method = 'GET';
    next.body = undefined;
    for (const name of [...next.headers.keys()]) if (name.startsWith('content-')) next.headers.delete(name);
  }
  if (url.origin !== hop.url.origin) {
    for (const name of [...next.headers.keys()]) if (!CROSS_ORIGIN_HEADERS.has(name)) next.headers.delete(name);
  }
  return next;
}

function checkTarget(from: URL, location: string, policy: AddressPolicy): URL {
  const target = URL.parse(location, from);
  if (target) target.hash = '';
  try {
    // Rejected even if plain http is allowed: a redirect must not downgrade an encrypted request.
    if (from.protocol === 'https:' && target?.protocol === 'http:') {
      throw new AddressNotAllowedError('The address must begin with https://.');
    }
    return checkUrl(target ?? location, policy);
  } catch (error) {
    if (!(error instanceof AddressNotAllowedError)) throw error;
    throw new AddressNotAllowedError(`The server redirects to an address that is not allowed. ${error.message}`);
  }
}
