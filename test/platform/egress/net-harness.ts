import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Destination } from '../../../src/platform/egress/ssrf-safe-connector.ts';
import {
  createSsrfSafeFetch,
  type SsrfSafeFetch,
  type SsrfSafeFetchOptions,
} from '../../../src/platform/egress/ssrf-safe-fetch.ts';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** Public addresses. No test connects to the real hosts. */
export const PUBLIC = '93.184.216.34';
export const PUBLIC_6 = '2606:2800:220:1:248:1893:25c8:1946';

/** Starts a loopback server for the duration of a test. */
export async function startServer(handler: Handler): Promise<{ port: number; url: string }> {
  const server = createServer((request, response) => {
    Promise.resolve(handler(request, response)).catch((error) => response.destroy(error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}` };
}

export function guardedFetch(options: SsrfSafeFetchOptions): SsrfSafeFetch {
  const fetch = createSsrfSafeFetch(options);
  onTestFinished(() => fetch.close());
  return fetch;
}

export interface NetHarness {
  fetch: SsrfSafeFetch;
  /** The resolved names. */
  lookUps: string[];
  /** The requested connections. */
  connections: Destination[];
}

/**
 * An SSRF-safe fetch with a fake DNS. Every connection goes to one loopback server. With `rounds`, each lookup of a name returns the next
 * entry.
 */
export async function createNetHarness(
  world: { names?: Record<string, string[]>; rounds?: Record<string, string[][]>; handler?: Handler },
  options: SsrfSafeFetchOptions = {},
): Promise<NetHarness> {
  const { port } = await startServer(world.handler ?? ((_, response) => void response.end('{}')));
  const lookUps: string[] = [];
  const connections: Destination[] = [];
  const rounds = structuredClone(world.rounds ?? {});
  const fetch = guardedFetch({
    resolve: async (name) => {
      lookUps.push(name);
      return rounds[name]?.shift() ?? world.names?.[name] ?? [PUBLIC];
    },
    connect: async (to) => {
      connections.push(to);
      const socket = connectTcp(port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    },
    ...options,
  });
  return { fetch, lookUps, connections };
}

export async function failure(work: Promise<unknown>): Promise<Error> {
  const result = await work.then(
    (value) => new Error('It did not fail.', { cause: value }),
    (error: unknown) => error,
  );
  return result as Error;
}
