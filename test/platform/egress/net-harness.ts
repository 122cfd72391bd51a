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

/** Addresses that are public, of which no test ever sees the real ones. */
export const PUBLIC = '93.184.216.34';
export const PUBLIC_6 = '2606:2800:220:1:248:1893:25c8:1946';

/** A server on the loopback, for as long as the test runs. */
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
  /** The names that were looked up. */
  lookUps: string[];
  /** What was to be connected to. */
  connections: Destination[];
}

/**
 * A guarded fetch in a world of its own: names mean what is written here, and whatever it connects to is one server on the loopback. With
 * `rounds`, each look-up of a name gets the next answer.
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
