import { NODATA, NOTFOUND, Resolver } from 'node:dns/promises';

/** Returns all addresses of a name, at least one. Rejects with code ENOTFOUND if it has none, EAI_AGAIN after a transient failure. */
export type DnsResolver = (name: string, signal: AbortSignal) => Promise<string[]>;

/** The most addresses of a name. */
const MAX_ADDRESSES = 64;

/**
 * Queries the name servers directly. `dns.lookup` would occupy one of the few worker threads for as long as a hostile name server delays
 * its response. Ignores the hosts file and search domains.
 * @param servers name servers to use instead of those of the system
 */
export function createDnsResolver(servers?: readonly string[]): DnsResolver {
  return async (name, signal) => {
    const resolver = new Resolver({ timeout: 2_000, tries: 2 });
    if (servers) resolver.setServers(servers);
    const cancel = () => resolver.cancel();
    signal.addEventListener('abort', cancel);
    try {
      signal.throwIfAborted();
      return gather(await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]));
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  };
}

function gather(answers: PromiseSettledResult<string[]>[]): string[] {
  const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  if (addresses.length > MAX_ADDRESSES) throw unresolved('The name has too many addresses.', 'ENOTFOUND');
  // Some name servers fail for one address family and answer for the other.
  if (addresses.length > 0) return addresses;
  const isAbsent = answers.every(({ status, ...rest }) => 'reason' in rest && [NODATA, NOTFOUND].includes(rest.reason?.code));
  throw isAbsent ? unresolved('The name has no address.', 'ENOTFOUND') : transientDnsError();
}

export function transientDnsError(): Error {
  return unresolved('The name cannot be resolved now.', 'EAI_AGAIN');
}

function unresolved(message: string, code: 'ENOTFOUND' | 'EAI_AGAIN'): Error {
  return Object.assign(new Error(message), { code });
}
