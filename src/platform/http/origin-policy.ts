const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** One machine by another of its names. */
function sameLoopback(one: URL, other: URL): boolean {
  return LOOPBACK.has(one.hostname) && LOOPBACK.has(other.hostname) && one.port === other.port && one.protocol === other.protocol;
}

/**
 * Whether a page may call: none is asking, it is the server's own, or its origin is on the list. The Host header proves nothing: under
 * DNS rebinding it is as foreign as the origin, and the same.
 */
export function isOriginAllowed(origin: string | undefined, baseUrl: string, allowed: readonly string[]): boolean {
  if (origin === undefined) return true;
  if (allowed.includes(origin)) return true;
  if (!URL.canParse(origin) || !URL.canParse(baseUrl)) return false;
  const [asking, own] = [new URL(origin), new URL(baseUrl)];
  return asking.origin === own.origin || sameLoopback(asking, own);
}
