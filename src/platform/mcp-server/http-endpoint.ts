import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Env } from '../../env.ts';
import type { Auth } from '../auth/auth.ts';
import { authenticate } from '../http/authenticate.ts';
import { isOriginAllowed } from '../http/origin-policy.ts';
import type { RateLimit } from '../http/rate-limit.ts';
import { bearerOf, requestInfoOf } from '../http/request-info.ts';
import { DomainError, ForbiddenError, RateLimitedError, UnauthenticatedError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { runWithContext } from '../postgres/request-scope.ts';
import { accepts } from './accept.ts';
import { type Catalog, mergeCatalogs } from './catalog.ts';
import type { McpCaller, McpServerServices } from './context.ts';
import { DEFAULT_LIMITS, type McpServerLimits } from './limits.ts';

export interface McpEndpointDeps {
  env: Pick<Env, 'TRUST_PROXY' | 'CORS_ORIGINS' | 'MAX_BODY_BYTES'>;
  auth: Auth;
  rateLimit: RateLimit;
  services: McpServerServices & { baseUrl: () => string };
  /** What the modules offer. Called with the first request. */
  catalogs: () => Promise<Partial<Catalog>[]>;
  log: Logger;
}

export interface McpEndpointOptions {
  /** Offered besides the catalogues of the modules. @default nothing */
  catalog?: Partial<Catalog>;
  limits?: McpServerLimits;
}

const STATUS: Partial<Record<DomainError['code'], number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  RATE_LIMITED: 429,
  UNAVAILABLE: 503,
};

/** JSON-RPC: bytes that are no JSON, a message that is not one of the protocol's, and what only HTTP has to say. */
const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;
const HTTP_ERROR = -32000;
const JSON_TYPE = 'application/json';
const STREAM_TYPE = 'text/event-stream';

function refuse(
  response: ServerResponse,
  status: number,
  error: { code: number; message: string; data?: unknown },
  headers: Record<string, string> = {},
  id: unknown = null,
): void {
  if (response.headersSent) {
    response.end();
    return;
  }
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(JSON.stringify({ jsonrpc: '2.0', id, error }));
}

function refuseError(response: ServerResponse, error: unknown, requestId: string, log: Logger): void {
  if (!(error instanceof DomainError)) {
    log.error({ err: error, requestId }, 'unexpected error');
    refuse(response, 500, { code: -32603, message: 'Unexpected error.', data: { code: 'INTERNAL_SERVER_ERROR', requestId } });
    return;
  }
  const headers: Record<string, string> = {};
  if (error instanceof RateLimitedError) headers['retry-after'] = String(error.retryAfterSeconds);
  if (error.code === 'UNAUTHENTICATED') headers['www-authenticate'] = 'Bearer';
  refuse(response, STATUS[error.code] ?? 400, { code: HTTP_ERROR, message: error.message, data: { code: error.code } }, headers);
}

/** The body, or undefined where it is larger than it may be. What is left of it is read by nobody. */
async function readBody(request: IncomingMessage, most: number): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > most) return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > most) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** One message, or what is wrong with the body. */
function messageIn(body: Buffer): { message: Record<string, unknown> } | { refusal: { code: number; message: string } } {
  let message: unknown;
  try {
    message = JSON.parse(body.toString('utf8'));
  } catch {
    return { refusal: { code: PARSE_ERROR, message: 'The body is not JSON.' } };
  }
  if (typeof message === 'object' && message !== null && !Array.isArray(message)) return { message: { ...message } };
  return { refusal: { code: INVALID_REQUEST, message: 'The body is one JSON-RPC message, not a batch of them.' } };
}

/**
 * As the SDK takes it: the body is read already, and the address is of no interest. The SDK requires that a client accepts JSON and streams,
 * whichever it gets.
 */
function webRequest({ headers }: IncomingMessage): Request {
  const given = Object.entries({ ...headers, accept: `${JSON_TYPE}, ${STREAM_TYPE}` }).map(([name, value]): [string, string] => [
    name,
    [value ?? ''].flat().join(', '),
  ]);
  return new Request('http://localhost/mcp', { method: 'POST', headers: given });
}

async function send(answer: Response, response: ServerResponse): Promise<void> {
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  if (!answer.body) {
    response.end();
    return;
  }
  await pipeline(Readable.fromWeb(answer.body as Parameters<typeof Readable.fromWeb>[0]), response);
}

function allowPage(response: ServerResponse, origin: string): void {
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-expose-headers', 'x-request-id, retry-after, www-authenticate');
  response.setHeader('vary', 'Origin');
}

/** Agentbase as an MCP server over Streamable HTTP: for the tenant of the API key or token that comes with each request. */
export function createMcpEndpoint(
  parts: McpEndpointDeps,
  { catalog: more = {}, limits = DEFAULT_LIMITS }: McpEndpointOptions = {},
) {
  const { env, rateLimit, services, log } = parts;
  // Loaded when it is first asked for: a server that nobody asks for it starts without it.
  const load = async () => {
    const [{ handleRequest }, { readRequest }, { createMcpServer }, catalogs] = await Promise.all([
      import('./handle-request.ts'),
      import('./read-request.ts'),
      import('./serve.ts'),
      parts.catalogs(),
    ]);
    return { handleRequest, readRequest, createMcpServer, catalog: mergeCatalogs(...catalogs, more) };
  };
  let loading: ReturnType<typeof load> | undefined;
  const protocol = () => {
    loading ??= load();
    return loading;
  };

  async function answer(
    asker: McpCaller,
    request: IncomingMessage,
    response: ServerResponse,
    body: Record<string, unknown>,
  ): Promise<void> {
    const { catalog, createMcpServer, handleRequest, readRequest } = await protocol();
    const given = readRequest(body);
    if ('refusal' in given) {
      const { status, error, id } = given.refusal;
      refuse(response, status, error, {}, id);
      return;
    }
    const formats = { json: accepts(request.headers.accept, JSON_TYPE), stream: accepts(request.headers.accept, STREAM_TYPE) };
    if (!formats.json && !formats.stream) {
      const message = `The Accept header must allow ${JSON_TYPE} or ${STREAM_TYPE}.`;
      refuse(response, 406, { code: HTTP_ERROR, message });
      return;
    }
    const server = createMcpServer(catalog, services, asker, limits);
    server.onerror = (error) => log.debug({ err: error, requestId: asker.request.requestId }, 'MCP');
    const gone = Promise.withResolvers<undefined>();
    response.once('close', () => gone.resolve(undefined));
    try {
      const answered = await Promise.race([handleRequest(server, webRequest(request), given.message, formats), gone.promise]);
      if (answered) await send(answered, response);
    } catch (error) {
      // A client that goes before the end of its stream is nobody's failure.
      if (!response.destroyed) throw error;
    } finally {
      // Tells what is still running that nobody waits for it.
      await server.close();
    }
  }

  return async function mcp(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const info = requestInfoOf(request, env.TRUST_PROXY);
    response.setHeader('x-request-id', info.requestId);
    const { origin } = request.headers;
    try {
      if (!isOriginAllowed(origin, services.baseUrl(), env.CORS_ORIGINS)) {
        throw new ForbiddenError('Pages of this origin may not call. CORS_ORIGINS names those that may.');
      }
      if (origin !== undefined) allowPage(response, origin);
      if (request.method === 'OPTIONS') {
        const allow = { 'access-control-allow-methods': 'POST', 'access-control-max-age': '86400' };
        const headers = 'authorization, content-type, accept, mcp-protocol-version, x-request-id';
        response.writeHead(204, { ...allow, 'access-control-allow-headers': headers }).end();
        return;
      }
      const { viewer, dbContext } = await authenticate(parts, bearerOf(request.headers.authorization), info);
      await rateLimit.take(viewer, info.ip);
      if (!viewer) throw new UnauthenticatedError('Send an API key or an access token as a Bearer token.');
      if (request.method !== 'POST') {
        // There is no stream to GET and no session to DELETE.
        refuse(response, 405, { code: HTTP_ERROR, message: 'POST messages here.' }, { allow: 'POST' });
        return;
      }
      const body = await readBody(request, env.MAX_BODY_BYTES);
      if (!body) {
        const message = `The body of a request has at most ${env.MAX_BODY_BYTES} bytes.`;
        refuse(response, 413, { code: HTTP_ERROR, message, data: { code: 'BODY_TOO_LARGE' } }, { connection: 'close' });
        return;
      }
      const given = messageIn(body);
      if ('refusal' in given) {
        refuse(response, 400, given.refusal);
        return;
      }
      const asker = { viewer, request: info };
      await runWithContext(dbContext, async () => answer(asker, request, response, given.message));
    } catch (error) {
      if (!response.destroyed) refuseError(response, error, info.requestId, log);
    } finally {
      // The body may still be on its way, and nobody is going to read it.
      request.resume();
    }
  };
}
