import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Network = [Address, number];

/** Which IP addresses may be connected to for a tenant. */
export interface AddressPolicy {
  /** Whether it is a public address, or on the list. */
  allows(address: string): boolean;
  /** Whether it is on the list of networks that the configuration opens. */
  lists(address: string): boolean;
  readonly listsNothing: boolean;
}

/**
 * Where clouds hand out credentials to whoever asks from the machine. No list opens these: a network is listed for the servers in it.
 * Most are private anyway; Azure's is not.
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

/** All that is public in IPv6. What lies outside is special, or not given out yet. */
const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3');
/** Networks without IPv4 reach it through these: the last 32 bits are the address behind. */
const NAT64: Network = ipaddr.parseCIDR('64:ff9b::/96');

/** @param allow networks such as `10.1.0.0/16` or single addresses. Throws where one cannot be read. */
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
  const reached = behindNat64(address);
  if (reached instanceof ipaddr.IPv4) return reached.range() === 'unicast';
  // 6to4 and Teredo have an IPv4 address inside too. Nobody offers a service there any more: they fail the range, as the rest does.
  return reached.match(GLOBAL_UNICAST) && reached.range() === 'unicast';
}

function isMetadata(address: Address): boolean {
  return isIn(behindNat64(address), METADATA);
}

function behindNat64(address: Address): Address {
  return isIn(address, [NAT64]) ? ipaddr.fromByteArray(address.toByteArray().slice(12)) : address;
}

function isIn(address: Address, networks: readonly Network[]): boolean {
  return networks.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
}

/**
 * Nothing but the four-part form of IPv4: ipaddr.js reads octal and short forms too. `::ffff:10.0.0.1` is the IPv4 address it means.
 * `::10.0.0.1` is not, whatever ipaddr.js says.
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
