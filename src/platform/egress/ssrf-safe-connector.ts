import { isIP, isIPv4, type Socket } from 'node:net';
import { buildConnector } from 'undici';
import type { AddressPolicy } from './address-policy.ts';
import { checkAddresses, knownAddresses, withoutBrackets } from './check-url.ts';
import { type DnsResolver, transientDnsError } from './dns-resolver.ts';

export interface Destination {
  /** An IP address, never a name. */
  address: string;
  port: number;
  /** The server name for TLS; null if the URL contains an IP address; undefined without TLS. */
  servername: string | null | undefined;
  timeoutMs: number;
}

export type Connect = (to: Destination) => Promise<Socket>;

export interface ConnectorOptions {
  policy: AddressPolicy;
  resolve: DnsResolver;
  connect: Connect;
  /** The time limit of the DNS lookup, and again of the connection. */
  timeoutMs: number;
}

const MAX_ATTEMPTS = 3;

/**
 * A connector for undici that resolves the name once, checks all addresses and connects to one of the checked addresses. It prevents DNS
 * rebinding, because no second lookup can return a different address.
 */
export function ssrfSafeConnector({ policy, resolve, connect, timeoutMs }: ConnectorOptions): buildConnector.connector {
  async function open({ hostname, protocol, port }: buildConnector.Options): Promise<Socket> {
    const host = withoutBrackets(hostname);
    const addresses = knownAddresses(host, policy) ?? (await resolveWithTimeout(resolve, host, timeoutMs));
    checkAddresses({ host, protocol }, addresses, policy);
    // IPv4 first: many containers have no IPv6 route, and the attempt would time out.
    const attempts = addresses.toSorted((a, b) => Number(isIPv4(b)) - Number(isIPv4(a))).slice(0, MAX_ATTEMPTS);
    const isTls = protocol === 'https:';
    const servername = isTls ? (isIP(host) === 0 ? host : null) : undefined;
    const failures: unknown[] = [];
    for (const address of attempts) {
      try {
        return await connect({
          address,
          port: Number(port) || (isTls ? 443 : 80),
          servername,
          timeoutMs: timeoutMs / attempts.length,
        });
      } catch (error) {
        failures.push(error);
      }
    }
    throw failures.length === 1 ? failures[0] : new AggregateError(failures, 'No address of the host accepted a connection.');
  }

  return (options, callback) => {
    open(options).then(
      (socket) => callback(null, socket),
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
    );
  };
}

export const connectSocket: Connect = ({ address, port, servername, timeoutMs }) => {
  // HTTP/2 is off: its streams would need their own limits.
  const connector = buildConnector({ timeout: timeoutMs, allowH2: false, maxCachedSessions: 0 });
  const protocol = servername === undefined ? 'http:' : 'https:';
  const options = { hostname: address, protocol, port: String(port), ...(servername ? { servername } : {}) };
  return new Promise((resolve, reject) => connector(options, (error, socket) => (error ? reject(error) : resolve(socket))));
};

async function resolveWithTimeout(resolve: DnsResolver, name: string, timeoutMs: number): Promise<string[]> {
  const signal = AbortSignal.timeout(timeoutMs);
  const late = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(transientDnsError())));
  return await Promise.race([resolve(name, signal), late]);
}
