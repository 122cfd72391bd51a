import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Env } from '../env.ts';
import type { Auth } from '../platform/auth/auth.ts';
import type { Services } from '../platform/graphql/context.ts';
import type { FastPath } from '../platform/graphql/http/fast-path.ts';
import { receiveBody } from '../platform/graphql/http/receive-body.ts';
import type { Yoga } from '../platform/graphql/http/yoga.ts';
import { sortedAccept } from '../platform/http/accept.ts';
import { authenticate } from '../platform/http/authenticate.ts';
import { ConcurrencyLimit } from '../platform/http/concurrency-limit.ts';
import { checkHealth, type HealthChecks, statusCodeOf } from '../platform/http/health.ts';
import { HttpError } from '../platform/http/http-error.ts';
import { destroyWhenIdle } from '../platform/http/idle.ts';
import { handleMetrics } from '../platform/http/metrics-page.ts';
import { type RateLimit, senderOf } from '../platform/http/rate-limit.ts';
import { releaseOnClose } from '../platform/http/release-on-close.ts';
import type { BodyBudget } from '../platform/http/request-body.ts';
import { bearerOf, requestInfoOf } from '../platform/http/request-info.ts';
import { DomainError, RateLimitedError } from '../platform/lib/errors.ts';
import { FairTurns } from '../platform/lib/fair-turns.ts';
import type { Logger } from '../platform/lib/logger.ts';
import type { HttpRoute } from '../platform/module/http-route.ts';
import { runWithContext } from '../platform/postgres/request-scope.ts';
import type { Metrics } from './metrics/metrics.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void;

export interface HttpDeps {
  env: Pick<
    Env,
    'NODE_ENV' | 'TRUST_PROXY' | 'CORS_ORIGINS' | 'METRICS_TOKEN' | 'MAX_BODY_BYTES' | 'MAX_CONCURRENT_REQUESTS' | 'MAX_STREAMS'
  >;
  yoga: Yoga;
  fastPath: FastPath;
  mcp: Handler;
  /** The routes of the modules. */
  routes: readonly HttpRoute[];
  auth: Auth;
  rateLimit: RateLimit;
  budget: BodyBudget;
  metrics: Metrics;
  checks: HealthChecks;
  services: Services;
  log: Logger;
}

const STATUS: Partial<Record<DomainError['code'], number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  RATE_LIMITED: 429,
  UNAVAILABLE: 503,
};

/** How long a request may take to arrive, unless its route allows more. */
const REQUEST_MS = 60_000;

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  if (response.headersSent) {
    response.end();
    return;
  }
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(JSON.stringify(body));
}

/** Responds with a GraphQL error to a request that failed before GraphQL. */
function refuse(request: IncomingMessage, response: ServerResponse, error: unknown, requestId: string, log: Logger): void {
  // Discards the rest of the body.
  request.resume();
  if (error instanceof HttpError) {
    json(response, error.status, { errors: [{ message: error.message, extensions: { code: error.code } }] }, error.headers);
    return;
  }
  if (error instanceof DomainError) {
    const headers: Record<string, string> = {};
    if (error instanceof RateLimitedError) headers['retry-after'] = String(error.retryAfterSeconds);
    if (error.code === 'UNAVAILABLE') headers['retry-after'] = '1';
    if (error.code === 'UNAUTHENTICATED') headers['www-authenticate'] = 'Bearer';
    const extensions = {
      code: error.code,
      ...(error instanceof RateLimitedError ? { retryAfterSeconds: error.retryAfterSeconds } : {}),
    };
    const body = { errors: [{ message: error.message, extensions }] };
    json(response, STATUS[error.code] ?? 400, body, headers);
    return;
  }
  log.error({ err: error, requestId }, 'unexpected error');
  json(response, 500, { errors: [{ message: 'Unexpected error.', extensions: { code: 'INTERNAL_SERVER_ERROR', requestId } }] });
}

/** Creates the HTTP server with all routes. */
export function createHttpServer(parts: HttpDeps): Server {
  const { env, yoga, fastPath, auth, rateLimit, budget, metrics, checks, services, log } = parts;
  const requests = new ConcurrencyLimit(env.MAX_CONCURRENT_REQUESTS, 'requests in progress');
  const streams = new ConcurrencyLimit(env.MAX_STREAMS, 'event streams');
  const turns = new FairTurns();

  async function graphql(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const info = requestInfoOf(request, env.TRUST_PROXY);
    response.setHeader('x-request-id', info.requestId);
    const { origin } = request.headers;
    // An allowed page must be able to read refusals. Yoga sets the same headers on its own responses.
    if (origin && env.CORS_ORIGINS.includes(origin)) {
      response.setHeader('access-control-allow-origin', origin);
      response.setHeader('access-control-expose-headers', 'x-request-id, retry-after');
      response.setHeader('vary', 'Origin');
    }
    // The server adapter of Yoga would respond with a stack trace to an invalid URL.
    if (!URL.canParse(`http://${request.headers.host ?? 'localhost'}${request.url}`)) {
      json(response, 400, { errors: [{ message: 'The Host header is not a valid host.', extensions: { code: 'BAD_REQUEST' } }] });
      return;
    }
    if (request.headers.accept !== undefined) request.headers.accept = sortedAccept(request.headers.accept);
    try {
      const requestContext = await authenticate(parts, bearerOf(request.headers.authorization), info);
      const { viewer } = requestContext;
      // A preflight does not count against the limits.
      if (request.method === 'OPTIONS') {
        await yoga(request, response, { requestContext });
        return;
      }
      await rateLimit.take(viewer, info.ip);
      const sender = senderOf(viewer, info.ip);
      const isStream = request.headers.accept?.includes('text/event-stream') ?? false;
      const onClose = releaseOnClose(response);
      onClose((isStream ? streams : requests).enter(sender));
      await runWithContext(requestContext.dbContext, async () => {
        if (request.method === 'POST') {
          const body = await receiveBody(request, { maxBytes: env.MAX_BODY_BYTES, budget }, { viewer, sender }, onClose);
          if (body === undefined) return;
          if (body.json && (await fastPath(request, response, requestContext, body.json.value))) return;
        }
        // Yoga parses and validates documents that the fast path has not seen.
        await turns.take(sender);
        await yoga(request, response, { requestContext });
      });
    } catch (error) {
      refuse(request, response, error, info.requestId, log);
    }
  }

  async function ready(response: ServerResponse): Promise<void> {
    const health = await checkHealth(checks);
    json(response, statusCodeOf(health), health);
  }

  async function moduleRoute(route: HttpRoute, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const info = requestInfoOf(request, env.TRUST_PROXY);
    try {
      await rateLimit.take(null, info.ip);
    } catch (error) {
      refuse(request, response, error, info.requestId, log);
      return;
    }
    destroyWhenIdle(request, route.idleMs);
    const rest = (request.url ?? '').split('?', 1)[0]?.slice(route.prefix.length) ?? '';
    await route.handle(services, { request, response, info, rest });
  }

  const routes: Record<string, Handler> = {
    '/graphql': graphql,
    '/mcp': parts.mcp,
    '/health': (_request, response) => ready(response),
    '/health/ready': (_request, response) => ready(response),
    '/health/live': (_request, response) => json(response, 200, { status: 'live' }),
    '/metrics': (request, response) => handleMetrics(metrics.registry, env, request, response),
    '/.well-known/jwks.json': async (_request, response) =>
      json(response, 200, await auth.jwks(), { 'cache-control': 'public, max-age=60' }),
    '/': (_request, response) => {
      response.writeHead(302, { location: '/graphql' });
      response.end();
    },
  };

  const server = createServer((request, response) => {
    const given = request.url?.split('?', 1)[0] ?? '/';
    // Configurations of MCP clients often end in a slash.
    const path = given === '/mcp/' ? '/mcp' : given;
    const ofModule = parts.routes.find(({ prefix }) => path.startsWith(prefix));
    const route: Handler | undefined = ofModule ? (...rest) => moduleRoute(ofModule, ...rest) : routes[path];
    const end = metrics.request(ofModule ? ofModule.prefix : route ? path : 'other');
    // The timeout of the route. The server's own is the longest of all routes.
    const late = setTimeout(() => request.complete || request.destroy(), ofModule?.requestMs ?? REQUEST_MS);
    late.unref();
    response.once('close', () => {
      clearTimeout(late);
      end(response.statusCode);
    });
    if (!route) {
      json(response, 404, { error: 'Not found. The GraphQL endpoint is /graphql.' });
      return;
    }
    Promise.resolve(route(request, response)).catch((error: unknown) => {
      log.error({ err: error, path }, 'unexpected error');
      json(response, 500, { error: 'Unexpected error.' });
    });
  });
  // Limits for slow clients. They do not apply to responses, so streams may last longer.
  server.headersTimeout = 15_000;
  server.requestTimeout = Math.max(REQUEST_MS, ...parts.routes.map(({ requestMs }) => requestMs));
  return server;
}
