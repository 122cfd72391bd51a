import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { type ExecutionArgs, type ExecutionResult, GraphQLError, getOperationAST } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { isAsyncIterable } from 'graphql-yoga';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Env } from '../../../env.ts';
import type { Auth } from '../../auth/auth.ts';
import { requestContextOf, sessionContextOf } from '../../auth/viewer.ts';
import { authenticate } from '../../http/authenticate.ts';
import { JsonScanner } from '../../http/json-body.ts';
import type { RateLimit } from '../../http/rate-limit.ts';
import { bearerOf, requestInfoOf } from '../../http/request-info.ts';
import { DomainError, RateLimitedError, UnauthenticatedError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { runWithContext } from '../../postgres/request-scope.ts';
import type { GraphQLContext } from '../context.ts';
import { runAsViewer } from '../viewer.ts';
import { bufferedResultsOf } from './subscription-executor.ts';
import { sendResults, takesFrames } from './websocket-sender.ts';
import type { RequestAuth, Yoga } from './yoga.ts';

export interface WebSocketDeps {
  env: Env;
  yoga: Yoga;
  auth: Auth;
  rateLimit: RateLimit;
  log: Logger;
}

/** The maximum number of concurrent operations of one socket. */
const MAX_OPERATIONS = 100;
const CONNECTION_INIT_MS = 5_000;
const KEEP_ALIVE_MS = 12_000;
const CLOSE_GRACE_MS = 2_000;

type Execute = (args: ExecutionArgs) => unknown;

interface Extra {
  requestAuth?: RequestAuth;
  request: IncomingMessage;
  socket: WebSocket;
}

interface Connection {
  subscriptions: Record<string, unknown>;
}

function inProgress({ subscriptions }: Connection): number {
  return Object.keys(subscriptions).length;
}

/** Ignores failures to send to a disconnected client, which the close event reports. graphql-ws would print a stack. */
function ignoreSendErrors(socket: WebSocket): void {
  const send = socket.send.bind(socket) as (data: string, sent: () => void) => void;
  socket.send = ((data: string, sent: () => void) => send(data, () => sent())) as WebSocket['send'];
}

/** Closes a socket whose message exceeds the limits of JSON, before graphql-ws parses it. */
function limitMessages(socket: WebSocket): void {
  const on = socket.on.bind(socket) as (event: string, listener: (...args: never[]) => void) => WebSocket;
  socket.on = ((event: string, listener: (...args: unknown[]) => void) =>
    on(
      event,
      event === 'message'
        ? (...args: unknown[]) => {
            const problem = new JsonScanner().push(args[0] as Buffer);
            if (problem === undefined) listener(...args);
            else socket.close(BAD_REQUEST, problem);
          }
        : listener,
    )) as WebSocket['on'];
}

/** A close code of graphql-ws: the message is invalid. */
const BAD_REQUEST = 4400;
const PATH = '/graphql';
const CLOSE_CODES: Partial<Record<DomainError['code'], number>> = {
  UNAUTHENTICATED: 4401,
  FORBIDDEN: 4403,
  RATE_LIMITED: 1013,
  UNAVAILABLE: 1013,
};

/** The credential of a connection. One that is not a string is invalid rather than absent. */
function credentialOf(given: unknown): string | undefined {
  if (given === undefined || given === null) return undefined;
  return typeof given === 'string' ? bearerOf(given) : '';
}

/** An error for a WebSocket client: with a code, and without extensions for HTTP. */
function toWireError(error: GraphQLError, code?: string): GraphQLError {
  const { http: _status, ...extensions } = error.extensions;
  const { message, nodes, source, positions, path } = error;
  return new GraphQLError(message, { nodes, source, positions, path, extensions: { ...(code ? { code } : {}), ...extensions } });
}

/** GraphQL over WebSocket (graphql-transport-ws) on the path of GraphQL, with the same plugins as HTTP. */
export function serveWebSockets(server: Server, parts: WebSocketDeps): { close(): Promise<void> } {
  const { env, yoga, auth, rateLimit, log } = parts;
  const connections = new Set<Connection>();
  const sockets = new WebSocketServer({ noServer: true, maxPayload: env.MAX_BODY_BYTES });
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (request.url?.split('?', 1)[0] === PATH) {
      sockets.handleUpgrade(request, socket, head, (open) => {
        ignoreSendErrors(open);
        limitMessages(open);
        sockets.emit('connection', open, request);
      });
      return;
    }
    socket.on('error', () => {});
    socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  };
  server.on('upgrade', upgrade);
  const disposable = useServer<{ authorization?: unknown; Authorization?: unknown }, Extra & Record<PropertyKey, unknown>>(
    {
      connectionInitWaitTimeout: CONNECTION_INIT_MS,
      async onConnect(connection) {
        const { request } = connection.extra as unknown as { request: Parameters<typeof requestInfoOf>[0] };
        const given =
          connection.connectionParams?.authorization ??
          connection.connectionParams?.Authorization ??
          request.headers.authorization;
        const info = requestInfoOf(request, env.TRUST_PROXY);
        try {
          connection.extra.requestAuth = await authenticate(parts, credentialOf(given), info);
          connections.add(connection);
          return true;
        } catch (error) {
          if (error instanceof DomainError) {
            connection.extra.socket.close(CLOSE_CODES[error.code] ?? 4400, error.message.slice(0, 120));
          } else {
            log.error({ err: error, requestId: info.requestId }, 'unexpected error');
            connection.extra.socket.close(1011, 'Unexpected error.');
          }
          return false;
        }
      },
      // Plugins around execution act as the viewer too: the log of a masked error has the request id.
      execute: (args) =>
        runAsViewer(args.contextValue as GraphQLContext, () => (args.rootValue as { execute: Execute }).execute(args)) as never,
      subscribe: (args) =>
        runAsViewer(args.contextValue as GraphQLContext, () =>
          (args.rootValue as { subscribe: Execute }).subscribe(args),
        ) as never,
      onOperation: ({ extra: { socket, request } }, id, _payload, args, result) =>
        isAsyncIterable(result) && takesFrames({ socket, duplex: request.socket })
          ? sendResults(
              bufferedResultsOf(args.contextValue as GraphQLContext, result as AsyncIterable<ExecutionResult>),
              { socket, duplex: request.socket, id },
              (work) => runAsViewer(args.contextValue as GraphQLContext, work),
            )
          : undefined,
      async onSubscribe(connection, _id, payload) {
        const { requestAuth } = connection.extra;
        if (!requestAuth) return [new GraphQLError('The connection was not initialised.')];
        const { viewer, request } = requestAuth;
        // Counted before anything is awaited: later operations of the socket do not count against this one.
        const isFull = inProgress(connection) > MAX_OPERATIONS;
        try {
          // Refusals count too.
          await rateLimit.take(viewer, request.ip);
          if (isFull) {
            throw new RateLimitedError(`A socket has at most ${MAX_OPERATIONS} operations under way.`, 1);
          }
          // The credential may have expired or been revoked since the socket was opened.
          if (viewer && !(await runWithContext(sessionContextOf(null, request), () => auth.revalidate(viewer)))) {
            throw new UnauthenticatedError('The credential of this connection no longer holds. Connect again with another.');
          }
        } catch (error) {
          if (!(error instanceof DomainError)) throw error;
          return [new GraphQLError(error.message, { extensions: { code: error.code } })];
        }
        const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
          // A context of its own: operations that shared one would wait for each other's reads.
          requestContext: requestContextOf(viewer, request),
          params: payload,
        });
        try {
          const args = {
            schema,
            document: parse(payload.query),
            operationName: payload.operationName,
            variableValues: payload.variables,
            contextValue: await contextFactory(),
            rootValue: { execute, subscribe },
          };
          const errors = validate(args.schema, args.document) as GraphQLError[];
          if (errors.length > 0) return errors;
          if (getOperationAST(args.document, args.operationName)) return args;
          return [
            new GraphQLError('Name one operation of the document in operationName.', { extensions: { code: 'BAD_REQUEST' } }),
          ];
        } catch (error) {
          if (error instanceof GraphQLError) return [toWireError(error, 'GRAPHQL_PARSE_FAILED')];
          throw error;
        }
      },
      onNext: (_connection, _id, _payload, _args, result) =>
        result.errors ? ({ ...result, errors: result.errors.map((error) => toWireError(error).toJSON()) } as never) : undefined,
      onError: (_connection, _id, _payload, errors) => errors.map((error) => toWireError(error).toJSON()),
      onClose(connection) {
        connections.delete(connection);
      },
    },
    sockets,
    KEEP_ALIVE_MS,
  );
  sockets.on('connection', (socket) => {
    // Replaces the listener of graphql-ws, which prints a stack. ws has closed the socket already.
    socket.removeAllListeners('error');
    socket.on('error', (error) => log.info({ reason: error.message }, 'a socket broke the protocol of WebSockets'));
  });
  return {
    async close() {
      // Lets the final messages of ended subscriptions arrive: clients resume by them.
      const deadline = Date.now() + CLOSE_GRACE_MS;
      while (Date.now() < deadline && [...connections].some((connection) => inProgress(connection) > 0)) await delay(10);
      server.off('upgrade', upgrade);
      await disposable.dispose();
    },
  };
}
