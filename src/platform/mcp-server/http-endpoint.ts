import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Env } from '../../env.ts';
import type { Auth } from '../auth/auth.ts';
import { authenticate } from '../http/authenticate.ts';
import { HttpError } from '../http/http-error.ts';
import { isOriginAllowed } from '../http/origin-policy.ts';
import { type RateLimit, senderOf } from '../http/rate-limit.ts';
import { releaseOnClose } from '../http/release-on-close.ts';
import { type BodyBudget, declaredBytes, readJsonBody } from '../http/request-body.ts';
import { bearerOf, requestInfoOf } from '../http/request-info.ts';
import { UNBUFFERED } from '../http/unbuffered.ts';
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
  budget: BodyBudget;
  services: McpServerServices & { baseUrl: () => string };
  /** The catalogs of the modules. Called at the first request. */
  catalogs: () => Promise<Partial<Catalog>[]>;
  log: Logger;
}

export interface McpEndpointOptions {
  /** Added to the catalogs of the modules. @default empty */
  catalog?: Partial<Catalog>;
  limits?: McpServerLimits;
}

const STATUS: Partial<Record<DomainError['code'], number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  RATE_LIMITED: 429,
  UNAVAILABLE: 503,
};

/** Error codes of JSON-RPC. HTTP_ERROR is from its range for implementations. */
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
  if (error instanceof HttpError) {
    const { status, code, message, headers } = error;
    refuse(response, status, { code: status === 400 ? PARSE_ERROR : HTTP_ERROR, message, data: { code } }, headers);
    return;
  }
  if (!(error instanceof DomainError)) {
    log.error({ err: error, requestId }, 'unexpected error');
    refuse(response, 500, { code: -32603, message: 'Unexpected error.', data: { code: 'INTERNAL_SERVER_ERROR', requestId } });
    return;
  }
  const headers: Record<string, string> = {};
  if (error instanceof RateLimitedError) headers['retry-after'] = String(error.retryAfterSeconds);
  if (error.code === 'UNAVAILABLE') headers['retry-after'] = '1';
  if (error.code === 'UNAUTHENTICATED') headers['www-authenticate'] = 'Bearer';
  refuse(response, STATUS[error.code] ?? 400, { code: HTTP_ERROR, message: error.message, data: { code: error.code } }, headers);
}

/** The request for the SDK, which needs only the headers: the body is parsed already, and the URL is not read. */
function webRequest({ headers }: IncomingMessage): Request {
  // The SDK requires that a client accepts JSON and streams, whichever it gets.
  const given = Object.entries({ ...headers, accept: `${JSON_TYPE}, ${STREAM_TYPE}` }).map(([name, value]): [string, string] => [
    name,
    [value ?? ''].flat().join(', '),
  ]);
  return new Request('http://localhost/mcp', { method: 'POST', headers: given });
}

async function send(answer: Response, response: ServerResponse): Promise<void> {
  const isStream = answer.headers.get('content-type')?.startsWith('text/event-stream');
  response.writeHead(answer.status, { ...Object.fromEntries(answer.headers), ...(isStream ? UNBUFFERED : {}) });
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

/** Serves Agentbase over Streamable HTTP. Each request's API key or access token determines the tenant. */
export function createMcpEndpoint(
  deps: McpEndpointDeps,
  { catalog: more = {}, limits = DEFAULT_LIMITS }: McpEndpointOptions = {},
) {
  const { env, rateLimit, budget, services, log } = deps;
  // The first request loads the SDK and the catalogs, which shortens the boot.
  const load = async () => {
    const [{ handleRequest }, { readRequest }, { createMcpServer }, catalogs] = await Promise.all([
      import('./handle-request.ts'),
      import('./read-request.ts'),
      import('./serve.ts'),
      deps.catalogs(),
    ]);
    return { handleRequest, readRequest, createMcpServer, catalog: mergeCatalogs(...catalogs, more) };
  };
  let loading: ReturnType<typeof load> | undefined;
  const protocol = () => {
    loading ??= load();
    return loading;
  };

  async function answer(
    caller: McpCaller,
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
      refuse(response, 406, { code: HTTP_ERROR, message: `The Accept header must allow ${JSON_TYPE} or ${STREAM_TYPE}.` });
      return;
    }
    const server = createMcpServer(catalog, services, caller, limits);
    server.onerror = (error) => log.debug({ err: error, requestId: caller.request.requestId }, 'MCP');
    const closed = Promise.withResolvers<undefined>();
    response.once('close', () => closed.resolve(undefined));
    try {
      const answered = await Promise.race([handleRequest(server, webRequest(request), given.message, formats), closed.promise]);
      if (answered) await send(answered, response);
    } catch (error) {
      // A client that disconnects before the end of its stream is not an error.
      if (!response.destroyed) throw error;
    } finally {
      // Aborts the signal of calls that are still running.
      await server.close();
    }
  }

  return async function mcp(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const info = requestInfoOf(request, env.TRUST_PROXY);
    response.setHeader('x-request-id', info.requestId);
    const { origin } = request.headers;
    try {
      if (!isOriginAllowed(origin, services.baseUrl(), env.CORS_ORIGINS)) {
        throw new ForbiddenError('This origin is not allowed. Add it to CORS_ORIGINS to allow its pages.');
      }
      if (origin !== undefined) allowPage(response, origin);
      if (request.method === 'OPTIONS') {
        const allow = { 'access-control-allow-methods': 'POST', 'access-control-max-age': '86400' };
        const headers = 'authorization, content-type, accept, mcp-protocol-version, x-request-id';
        response.writeHead(204, { ...allow, 'access-control-allow-headers': headers }).end();
        return;
      }
      const { viewer, dbContext } = await authenticate(deps, bearerOf(request.headers.authorization), info);
      await rateLimit.take(viewer, info.ip);
      if (!viewer) throw new UnauthenticatedError('Send an API key or an access token as a Bearer token.');
      if (request.method !== 'POST') {
        // Without sessions, GET has no stream and DELETE has no session.
        refuse(
          response,
          405,
          { code: HTTP_ERROR, message: 'This method is not supported. Send messages with POST.' },
          { allow: 'POST' },
        );
        return;
      }
      releaseOnClose(response)(budget.take(senderOf(viewer, info.ip), declaredBytes(request, env.MAX_BODY_BYTES)));
      const body = await readJsonBody(request, env.MAX_BODY_BYTES);
      if (!body) return;
      const { value: message } = body;
      if (typeof message !== 'object' || message === null || Array.isArray(message)) {
        refuse(response, 400, {
          code: INVALID_REQUEST,
          message: 'The body must be one JSON-RPC message. Batches are not supported.',
        });
        return;
      }
      const caller = { viewer, request: info };
      await runWithContext(dbContext, async () => answer(caller, request, response, { ...message }));
    } catch (error) {
      if (!response.destroyed) refuseError(response, error, info.requestId, log);
    } finally {
      // Discards the rest of a body that was not read.
      request.resume();
    }
  };
}
