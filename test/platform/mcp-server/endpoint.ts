import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readEnv } from '../../../src/env.ts';
import { modules } from '../../../src/modules/index.ts';
import { createRateLimit } from '../../../src/platform/http/rate-limit.ts';
import { BodyBudget } from '../../../src/platform/http/request-body.ts';
import type { Logger } from '../../../src/platform/lib/logger.ts';
import { createMcpEndpoint, type McpEndpointOptions } from '../../../src/platform/mcp-server/http-endpoint.ts';
import { loadCatalogs } from '../../../src/platform/module/module-parts.ts';
import type { Installation } from './mcp-installation.ts';

export interface TestEndpoint {
  url: string;
  close(): Promise<void>;
}

export interface EndpointOptions extends McpEndpointOptions {
  /** Added to every request, for clients that cannot send a credential. */
  credential?: string;
  log?: Logger;
}

/** Starts the production endpoint on its own port, with additional tools. The caller closes it. */
export async function startEndpoint(
  { app }: Installation,
  { credential, log, ...options }: EndpointOptions,
): Promise<TestEndpoint> {
  let origin = '';
  const services = { ...app.services, ...(log ? { log } : {}), baseUrl: () => origin };
  const rateLimit = createRateLimit({ credential: 100_000, anonymous: 100_000 }, undefined);
  const env = readEnv({ NODE_ENV: 'test' });
  const catalogs = () => loadCatalogs(modules);
  const mcp = createMcpEndpoint(
    { env, auth: services.auth, rateLimit, budget: new BodyBudget(2 ** 26, 2 ** 26), services, catalogs, log: services.log },
    options,
  );
  const server = createServer((request, response) => {
    if (credential) request.headers.authorization = `Bearer ${credential}`;
    void mcp(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `${origin}/mcp`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
