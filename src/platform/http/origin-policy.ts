const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Whether both URLs name the loopback, with the same protocol and port. */
function sameLoopback(one: URL, other: URL): boolean {
  return LOOPBACK.has(one.hostname) && LOOPBACK.has(other.hostname) && one.port === other.port && one.protocol === other.protocol;
}

/**
 * Whether a request may come from its origin: it has none, it is the server's own, or it is configured. The Host header proves nothing:
 * under DNS rebinding it equals the foreign origin.
 */
export function isOriginAllowed(origin: string | undefined, baseUrl: string, allowed: readonly string[]): boolean {
  if (origin === undefined) return true;
  if (allowed.includes(origin)) return true;
  if (!URL.canParse(origin) || !URL.canParse(baseUrl)) return false;
  const [requesting, own] = [new URL(origin), new URL(baseUrl)];
  return requesting.origin === own.origin || sameLoopback(requesting, own);
}
