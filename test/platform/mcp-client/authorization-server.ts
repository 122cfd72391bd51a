import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import type { ReceivedRequest, ScriptedHttp } from './scripted-http.ts';

export interface TokenRequest {
  headers: IncomingHttpHeaders;
  params: Record<string, string>;
  response: ServerResponse;
}

export interface AuthorizationServer {
  issuer: string;
  /** The paths of all requests. */
  paths: string[];
  requests: TokenRequest[];
  /** The valid tokens with their scopes. */
  tokens: Map<string, string>;
  /** Responds to a token request. @default issues a token for an hour */
  give: (request: TokenRequest) => void;
}

/** An authorization server that issues a token for every request. Closed when the test finishes. */
export async function startAuthorizationServer(): Promise<AuthorizationServer> {
  const server = createServer(async (request, response) => {
    const { url: path = '', headers } = request;
    given.paths.push(path);
    const params = Object.fromEntries(new URLSearchParams(await text(request)));
    if (path === '/token') {
      const tokenRequest = { headers, params, response };
      given.requests.push(tokenRequest);
      given.give(tokenRequest);
    } else if (path === '/.well-known/oauth-authorization-server') {
      answer(response, 200, {
        issuer: given.issuer,
        authorization_endpoint: `${given.issuer}/authorize`,
        token_endpoint: `${given.issuer}/token`,
        response_types_supported: ['code'],
      });
    } else response.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const given: AuthorizationServer = {
    issuer: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    paths: [],
    requests: [],
    tokens: new Map(),
    give: giveFor(3600),
  };
  return given;

  function giveFor(seconds: number) {
    return ({ params: { scope = '' }, response }: TokenRequest) => {
      const token = `token-${given.requests.length}-of-${new URL(given.issuer).port}`;
      given.tokens.set(token, scope);
      answer(response, 200, { access_token: token, token_type: 'Bearer', expires_in: seconds });
    };
  }
}

export function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Makes an MCP server require valid tokens. @param needs the required scope by tool name. @param named overrides of the resource metadata */
export function protect(
  server: Pick<ScriptedHttp, 'origin' | 'url' | 'first'>,
  authorizationServer: AuthorizationServer,
  { needs = {}, named = {} }: { needs?: Record<string, string>; named?: object } = {},
): void {
  const metadataUrl = `${server.origin}/.well-known/oauth-protected-resource/mcp`;
  const challenge = (rest: string) => ({ 'www-authenticate': `Bearer resource_metadata="${metadataUrl}"${rest}` });
  server.first = ({ path, headers, message, response }: ReceivedRequest) => {
    if (path.startsWith('/.well-known/')) {
      answer(response, 200, { resource: server.url, authorization_servers: [authorizationServer.issuer], ...named });
      return true;
    }
    const scopes = authorizationServer.tokens.get(headers.authorization?.replace('Bearer ', '') ?? '');
    const need = message?.method === 'tools/call' ? needs[message.params.name] : undefined;
    if (scopes === undefined) response.writeHead(401, challenge(', scope="read"')).end();
    else if (need !== undefined && !scopes.split(' ').includes(need)) {
      response.writeHead(403, challenge(`, error="insufficient_scope", scope="${need}"`)).end();
    } else return false;
    return true;
  };
}
