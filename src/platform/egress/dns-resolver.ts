import { NODATA, NOTFOUND, Resolver } from 'node:dns/promises';

/** All addresses of a name, at least one. Rejects with the code ENOTFOUND if there are none, EAI_AGAIN if that cannot be told now. */
export type DnsResolver = (name: string, signal: AbortSignal) => Promise<string[]>;

/** More addresses than any name needs. */
const MAX_ADDRESSES = 64;

/**
 * Asks the name servers themselves. The system's own look-up would hold one of the process's few worker threads for as long as a
 * hostile name server likes. So names of a hosts file are not known, and search domains not tried.
 * @param servers instead of the system's
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
  // Many name servers fail at one kind of address and know the other.
  if (addresses.length > 0) return addresses;
  const isAbsent = answers.every(({ status, ...rest }) => 'reason' in rest && [NODATA, NOTFOUND].includes(rest.reason?.code));
  throw isAbsent ? unresolved('The name has no address.', 'ENOTFOUND') : isTransientDnsError();
}

export function isTransientDnsError(): Error {
  return unresolved('The name cannot be resolved now.', 'EAI_AGAIN');
}

function unresolved(message: string, code: 'ENOTFOUND' | 'EAI_AGAIN'): Error {
  return Object.assign(new Error(message), { code });
}
