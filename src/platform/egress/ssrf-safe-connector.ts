import { isIP, isIPv4, type Socket } from 'node:net';
import { buildConnector } from 'undici';
import type { AddressPolicy } from './address-policy.ts';
import { checkAddresses, knownAddresses, withoutBrackets } from './check-url.ts';
import { type DnsResolver, isTransientDnsError } from './dns-resolver.ts';

export interface Destination {
  /** An IP address, never a name. */
  address: string;
  port: number;
  /** With TLS, the name that is asked for; null where the address itself was given. Without TLS undefined. */
  servername: string | null | undefined;
  timeoutMs: number;
}

export type Connect = (to: Destination) => Promise<Socket>;

export interface ConnectorOptions {
  policy: AddressPolicy;
  resolve: DnsResolver;
  connect: Connect;
  /** For the look-up, and again for the connection. */
  timeoutMs: number;
}

const MAX_ATTEMPTS = 3;

/**
 * Connects for undici: looks the name up once, judges all addresses, and connects to one of those it judged. There is no second look-up
 * that could answer otherwise.
 */
export function ssrfSafeConnector({ policy, resolve, connect, timeoutMs }: ConnectorOptions): buildConnector.connector {
  async function open({ hostname, protocol, port }: buildConnector.Options): Promise<Socket> {
    const host = withoutBrackets(hostname);
    const addresses = knownAddresses(host, policy) ?? (await inTime(resolve, host, timeoutMs));
    checkAddresses({ host, protocol }, addresses, policy);
    // IPv4 first: where IPv6 leads nowhere, as in many containers, that shows late.
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
    throw failures.length === 1 ? failures[0] : new AggregateError(failures, 'No address of the host accepts a connection.');
  }

  return (options, callback) => {
    open(options).then(
      (socket) => callback(null, socket),
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
    );
  };
}

export const connectSocket: Connect = ({ address, port, servername, timeoutMs }) => {
  // HTTP/2 has bounds of its own, of which none are needed here.
  const connector = buildConnector({ timeout: timeoutMs, allowH2: false, maxCachedSessions: 0 });
  const protocol = servername === undefined ? 'http:' : 'https:';
  const options = { hostname: address, protocol, port: String(port), ...(servername ? { servername } : {}) };
  return new Promise((resolve, reject) => connector(options, (error, socket) => (error ? reject(error) : resolve(socket))));
};

async function inTime(resolve: DnsResolver, name: string, timeoutMs: number): Promise<string[]> {
  const signal = AbortSignal.timeout(timeoutMs);
  const late = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(isTransientDnsError())));
  return await Promise.race([resolve(name, signal), late]);
}
