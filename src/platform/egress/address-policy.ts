import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Network = [Address, number];

/** Decides which IP addresses the server may connect to on behalf of a tenant. */
export interface AddressPolicy {
  /** Whether the address is public or on the allow list. */
  allows(address: string): boolean;
  /** Whether the address is on the allow list of the configuration. */
  lists(address: string): boolean;
  readonly listsNothing: boolean;
}

/**
 * Metadata services of cloud providers, which return credentials to any process of the machine. The allow list never includes them: an
 * operator lists a network for the servers in it. Most are private addresses; Azure's is public.
 */
const METADATA = [
  '169.254.169.0/24',
  '169.254.170.0/24',
  '168.63.129.16/32',
  '100.100.100.200/32',
  '192.0.0.192/32',
  'fd00:ec2::/32',
  'fd20:ce::254/128',
].map(parseNetwork);

/** The public addresses of IPv6. All others are reserved or unassigned. */
const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3');
/** IPv6-only networks reach IPv4 hosts through this prefix: the last 32 bits are the IPv4 address. */
const NAT64: Network = ipaddr.parseCIDR('64:ff9b::/96');

/** @param allow networks such as `10.1.0.0/16` or single addresses. Throws for an invalid one. */
export function createAddressPolicy(allow: readonly string[] = []): AddressPolicy {
  const networks = allow.map(parseNetwork);
  const lists = (text: string) => {
    const address = parseAddress(text);
    return address !== undefined && isIn(address, networks) && !isMetadata(address);
  };
  return { lists, allows: (text) => lists(text) || isPublic(parseAddress(text)), listsNothing: networks.length === 0 };
}

function isPublic(address: Address | undefined): boolean {
  if (!address || isMetadata(address)) return false;
  const target = unwrapNat64(address);
  if (target instanceof ipaddr.IPv4) return target.range() === 'unicast';
  // 6to4 and Teredo embed an IPv4 address too. Both are obsolete, and the range check rejects them.
  return target.match(GLOBAL_UNICAST) && target.range() === 'unicast';
}

function isMetadata(address: Address): boolean {
  return isIn(unwrapNat64(address), METADATA);
}

function unwrapNat64(address: Address): Address {
  return isIn(address, [NAT64]) ? ipaddr.fromByteArray(address.toByteArray().slice(12)) : address;
}

function isIn(address: Address, networks: readonly Network[]): boolean {
  return networks.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
}

/**
 * Parses an IP address. Accepts IPv4 in four decimal parts only, while ipaddr.js also accepts octal and short forms. Converts the mapped
 * address `::ffff:10.0.0.1` to IPv4. Rejects the deprecated form `::10.0.0.1`, which ipaddr.js converts too.
 */
function parseAddress(text: string): Address | undefined {
  return isIP(text) === 0 || /^::\d+\./.test(text) ? undefined : ipaddr.process(text);
}

function parseNetwork(text: string): Network {
  const [start = '', bits, ...rest] = text.trim().split('/');
  const address = parseAddress(start);
  const width = address?.kind() === 'ipv4' ? 32 : 128;
  const isMapped = address?.kind() === 'ipv4' && start.includes(':');
  const isWhole = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= width);
  if (!address || isMapped || !isWhole || rest.length > 0) {
    throw new Error(`"${text}" is not a network such as 10.1.0.0/16 or fd12:3456::/32.`);
  }
  return [address, bits === undefined ? width : Number(bits)];
}
