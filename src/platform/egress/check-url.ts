import { isIP } from 'node:net';
import type { AddressPolicy } from './address-policy.ts';

/** Nothing was connected to. The message is for whoever gave the address, and tells nothing of what a name resolved to. */
export class AddressNotAllowedError extends Error {
  override readonly name = 'AddressNotAllowedError';
}

const MAX_LENGTH = 2048;
const NOT_HTTPS = 'The address must begin with https://.';
const NOT_PUBLIC = 'The host of the address is not on the public internet.';

/** What is asked for under these names is near by, whatever the DNS says. So is a name without a dot. */
const NEAR_BY = /\.(localhost|local|localdomain|internal|home\.arpa)$/;
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;
/** Above 1023, those that `fetch` refuses, since other protocols listen there. */
const OTHER_PROTOCOLS = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);

/**
 * The parsed address, or an AddressNotAllowedError where it can be told without a look-up that it leads astray. Every encoding of an IP
 * address, such as `0x7f.1`, is judged as the address it means, since the parser of URLs decodes them all.
 */
export function checkUrl(given: string | URL, policy: AddressPolicy): URL {
  const text = String(given);
  // What the parser would mend or skip is refused, so that people and programs read the same address.
  if (text.length > MAX_LENGTH || /[\s\p{Cc}\\]/u.test(text))
    throw refused('is too long, or has characters that do not belong there');
  const url = URL.parse(text);
  if (!url) throw refused('is not valid');
  if (!/^https?:\/\/[^/]/i.test(text)) throw new AddressNotAllowedError(NOT_HTTPS);
  if (url.href.length > MAX_LENGTH) throw refused('is too long');
  if (url.username || url.password) throw refused('must have no user name and no password');
  if (text.includes('#')) throw refused('must have no fragment (#)');
  if (!isPortAllowed(url)) throw refused('has a port that is not for web servers');
  const host = withoutBrackets(url.hostname);
  if (isIP(host) === 0 && !isName(host)) throw refused('has a host that is not valid');

  const addresses = knownAddresses(host, policy);
  if (addresses) checkAddresses({ protocol: url.protocol, host }, addresses, policy);
  else if (policy.listsNothing && url.protocol === 'http:') throw new AddressNotAllowedError(NOT_HTTPS);
  else if (policy.listsNothing && isNearBy(host)) throw new AddressNotAllowedError(NOT_PUBLIC);
  return url;
}

/**
 * Throws an AddressNotAllowedError unless all addresses of the host may be connected to. All, not any: a public name has no
 * private addresses, and a verdict must not depend on which of them came first. Plain http, and names that are near by, lead to
 * listed networks only.
 */
export function checkAddresses(
  to: { protocol: string; host: string },
  addresses: readonly string[],
  policy: AddressPolicy,
): void {
  if (addresses.length > 0 && addresses.every(policy.lists)) return;
  if (to.protocol !== 'https:') throw new AddressNotAllowedError(NOT_HTTPS);
  if (addresses.length === 0 || isNearBy(to.host) || !addresses.every(policy.allows))
    throw new AddressNotAllowedError(NOT_PUBLIC);
}

/** The addresses of a host that needs no look-up: those of `localhost` that are listed, or the host itself if it is an address. */
export function knownAddresses(host: string, policy: AddressPolicy): string[] | undefined {
  if (host === 'localhost' || host.endsWith('.localhost')) return ['127.0.0.1', '::1'].filter(policy.lists);
  return isIP(host) === 0 ? undefined : [host];
}

/** URLs put IPv6 addresses in brackets. */
export function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

function isPortAllowed({ port, protocol }: URL): boolean {
  const number = Number(port || (protocol === 'https:' ? 443 : 80));
  return number === 443 || number === 80 || (number > 1023 && !OTHER_PROTOCOLS.has(number));
}

/** No trailing dot either: with it, the same host would have two names. */
function isName(host: string): boolean {
  return host.length <= 253 && host.split('.').every((label) => LABEL.test(label));
}

function isNearBy(host: string): boolean {
  return isIP(host) === 0 && (!host.includes('.') || NEAR_BY.test(host));
}

function refused(what: string): AddressNotAllowedError {
  return new AddressNotAllowedError(`The address ${what}.`);
}
