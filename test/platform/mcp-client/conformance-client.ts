import { discoverOAuthServerInfo } from '@modelcontextprotocol/sdk/client/auth.js';
import { createSsrfSafeFetch, type SsrfSafeFetch } from '../../../src/platform/egress/ssrf-safe-fetch.ts';
import { createLogger } from '../../../src/platform/lib/logger.ts';
import type { McpEndpoint } from '../../../src/platform/mcp-client/endpoint.ts';
import { createMcpClient, type McpClient } from '../../../src/platform/mcp-client/mcp-client.ts';
import { CrossAppProvider, SignedInProvider } from './conformance-providers.ts';

/**
 * The program that the conformance suite starts for each scenario, with the URL of the server as the last argument. It uses the client as
 * production code does, with a user who accepts everything.
 */
const scenario = process.env.MCP_CONFORMANCE_SCENARIO ?? '';
const context: Record<string, string> = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}');
const url = process.argv.at(-1) ?? '';

const fetch = createSsrfSafeFetch({ allow: ['127.0.0.0/8', '::1/128'] });
const clients = createMcpClient({
  fetch,
  log: createLogger('silent'),
  idleMs: 60_000,
  maxConnections: 2,
  connectTimeoutMs: 20_000,
  maxResultBytes: 1_000_000,
  ...(scenario.startsWith('elicitation') ? { elicit: async () => ({ action: 'accept' as const, content: {} }) } : {}),
});

try {
  await useAll(clients, await targetOf(fetch));
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await clients.close();
  await fetch.close();
}

/** Lists the tools and calls each. Only `add_numbers` has parameters. */
async function useAll(client: McpClient, target: McpEndpoint): Promise<void> {
  for (const { name } of await client.listTools(target)) {
    const { isError, content } = await client.callTool(target, { name, arguments: name === 'add_numbers' ? { a: 5, b: 3 } : {} });
    if (isError) throw new Error(`The tool ${name} failed: ${JSON.stringify(content)}`);
  }
}

async function targetOf(safeFetch: SsrfSafeFetch): Promise<McpEndpoint> {
  const target: McpEndpoint = {
    key: scenario,
    transport: 'STREAMABLE_HTTP',
    url,
    limits: { timeoutMs: 20_000, memoryMb: 100, concurrency: 2 },
  };
  const { client_id: clientId = '', client_secret: clientSecret = '', private_key_pem: privateKey = '' } = context;
  const credentials = { kind: 'client_credentials' as const, clientId };
  switch (scenario) {
    case 'auth/client-credentials-basic':
      return { ...target, auth: { ...credentials, issuer: await issuerOf(safeFetch), clientSecret } };
    case 'auth/client-credentials-jwt':
      return {
        ...target,
        auth: { ...credentials, issuer: await issuerOf(safeFetch), privateKey, algorithm: context.signing_algorithm ?? 'ES256' },
      };
    case 'auth/cross-app-access-complete-flow':
      return { ...target, authProvider: new CrossAppProvider(safeFetch, context) };
    case 'auth/pre-registration':
      return { ...target, authProvider: new SignedInProvider(safeFetch, { client_id: clientId, client_secret: clientSecret }) };
    case 'auth/basic-cimd':
      // The suite accepts only this URL and does not fetch it.
      return {
        ...target,
        authProvider: new SignedInProvider(safeFetch, undefined, 'https://conformance-test.local/client-metadata.json'),
      };
    default:
      return scenario.startsWith('auth/') ? { ...target, authProvider: new SignedInProvider(safeFetch) } : target;
  }
}

/** The suite does not pass the issuer of the registered client, so this discovers it. */
async function issuerOf(safeFetch: SsrfSafeFetch): Promise<string> {
  const { authorizationServerUrl } = await discoverOAuthServerInfo(url, { fetchFn: safeFetch });
  return authorizationServerUrl;
}
