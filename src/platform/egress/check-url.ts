import { isIP } from 'node:net';
import type { AddressPolicy } from './address-policy.ts';

/** The URL was rejected before a connection was opened. The message is for the tenant and does not reveal resolved addresses. */
export class AddressNotAllowedError extends Error {
  override readonly name = 'AddressNotAllowedError';
}

const MAX_LENGTH = 2048;
const NOT_HTTPS = 'The address must begin with https://.';
const NOT_PUBLIC = 'The host of the address is not on the public internet.';

/** Names of local hosts, independent of DNS. A name without a dot is local too. */
const LOCAL_NAME = /\.(localhost|local|localdomain|internal|home\.arpa)$/;
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;
/** The ports above 1023 that `fetch` blocks, because other protocols use them. */
const OTHER_PROTOCOLS = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);

/**
 * Parses a URL. Throws AddressNotAllowedError if it can be rejected without a DNS lookup. The URL parser decodes every encoding of an IP
 * address, such as `0x7f.1`, before the check.
 */
export function checkUrl(given: string | URL, policy: AddressPolicy): URL {
  const text = String(given);
  // Rejects characters that the parser would correct or skip, so that every reader interprets the URL the same way.
  if (text.length > MAX_LENGTH || /[\s\p{Cc}\\]/u.test(text)) throw rejected('is too long or contains invalid characters');
  const url = URL.parse(text);
  if (!url) throw rejected('is not valid');
  if (!/^https?:\/\/[^/]/i.test(text)) throw new AddressNotAllowedError(NOT_HTTPS);
  if (url.href.length > MAX_LENGTH) throw rejected('is too long');
  if (url.username || url.password) throw rejected('must not contain a user name or password');
  if (text.includes('#')) throw rejected('must not contain a fragment (#)');
  if (!isPortAllowed(url)) throw rejected('has a port that is not allowed for web servers');
  const host = withoutBrackets(url.hostname);
  if (isIP(host) === 0 && !isName(host)) throw rejected('has a host that is not valid');

  const addresses = knownAddresses(host, policy);
  if (addresses) checkAddresses({ protocol: url.protocol, host }, addresses, policy);
  else if (policy.listsNothing && url.protocol === 'http:') throw new AddressNotAllowedError(NOT_HTTPS);
  else if (policy.listsNothing && isLocalName(host)) throw new AddressNotAllowedError(NOT_PUBLIC);
  return url;
}

/**
 * Throws AddressNotAllowedError unless every address of the host is allowed. Every address: a public name has no private addresses, and the
 * result must not depend on their order. Plain http and local names are restricted to networks on the allow list.
 */
export function checkAddresses(
  to: { protocol: string; host: string },
  addresses: readonly string[],
  policy: AddressPolicy,
): void {
  if (addresses.length > 0 && addresses.every(policy.lists)) return;
  if (to.protocol !== 'https:') throw new AddressNotAllowedError(NOT_HTTPS);
  if (addresses.length === 0 || isLocalName(to.host) || !addresses.every(policy.allows))
    throw new AddressNotAllowedError(NOT_PUBLIC);
}

/** The addresses of a host that needs no DNS lookup: the allowed ones of `localhost`, or the host if it is an IP address. */
export function knownAddresses(host: string, policy: AddressPolicy): string[] | undefined {
  if (host === 'localhost' || host.endsWith('.localhost')) return ['127.0.0.1', '::1'].filter(policy.lists);
  return isIP(host) === 0 ? undefined : [host];
}

/** Removes the brackets around an IPv6 address of a URL. */
export function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

function isPortAllowed({ port, protocol }: URL): boolean {
  const number = Number(port || (protocol === 'https:' ? 443 : 80));
  return number === 443 || number === 80 || (number > 1023 && !OTHER_PROTOCOLS.has(number));
}

/** Rejects a trailing dot: with it, the same host would have two names. */
function isName(host: string): boolean {
  return host.length <= 253 && host.split('.').every((label) => LABEL.test(label));
}

function isLocalName(host: string): boolean {
  return isIP(host) === 0 && (!host.includes('.') || LOCAL_NAME.test(host));
}

function rejected(problem: string): AddressNotAllowedError {
  return new AddressNotAllowedError(`The address ${problem}.`);
}
