import { discoverOAuthServerInfo } from '@modelcontextprotocol/sdk/client/auth.js';
import { createSsrfSafeFetch, type SsrfSafeFetch } from '../../../src/platform/egress/ssrf-safe-fetch.ts';
import { createLogger } from '../../../src/platform/lib/logger.ts';
import type { McpEndpoint } from '../../../src/platform/mcp-client/endpoint.ts';
import { createMcpClient, type McpClient } from '../../../src/platform/mcp-client/mcp-client.ts';
import { CrossAppProvider, SignedInProvider } from './conformance-providers.ts';

/**
 * What the conformance suite runs, once for each scenario, with the server's address as the last argument: our client, as this process would
 * use it, with a person who always agrees.
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

/** Lists the tools and calls each. Arguments fit the one tool of the suite that takes some. */
async function useAll(our: McpClient, target: McpEndpoint): Promise<void> {
  for (const { name } of await our.listTools(target)) {
    const { isError, content } = await our.callTool(target, { name, arguments: name === 'add_numbers' ? { a: 5, b: 3 } : {} });
    if (isError) throw new Error(`The tool ${name} failed: ${JSON.stringify(content)}`);
  }
}

async function targetOf(fetchIt: SsrfSafeFetch): Promise<McpEndpoint> {
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
      return { ...target, auth: { ...credentials, issuer: await issuerOf(fetchIt), clientSecret } };
    case 'auth/client-credentials-jwt':
      return {
        ...target,
        auth: { ...credentials, issuer: await issuerOf(fetchIt), privateKey, algorithm: context.signing_algorithm ?? 'ES256' },
      };
    case 'auth/cross-app-access-complete-flow':
      return { ...target, authProvider: new CrossAppProvider(fetchIt, context) };
    case 'auth/pre-registration':
      return { ...target, authProvider: new SignedInProvider(fetchIt, { client_id: clientId, client_secret: clientSecret }) };
    case 'auth/basic-cimd':
      // The suite accepts this address and no other, and does not ask for what is there.
      return {
        ...target,
        authProvider: new SignedInProvider(fetchIt, undefined, 'https://conformance-test.local/client-metadata.json'),
      };
    default:
      return scenario.startsWith('auth/') ? { ...target, authProvider: new SignedInProvider(fetchIt) } : target;
  }
}

/** Who registers a client knows where. The suite does not tell. */
async function issuerOf(fetchIt: SsrfSafeFetch): Promise<string> {
  const { authorizationServerUrl } = await discoverOAuthServerInfo(url, { fetchFn: fetchIt });
  return authorizationServerUrl;
}
