import type { Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { type ExecutionArgs, GraphQLError } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { isAsyncIterable } from 'graphql-yoga';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Auth } from '../auth/auth.ts';
import { dbContextOf } from '../auth/viewer.ts';
import { runWithContext } from '../db/context.ts';
import type { Env } from '../env.ts';
import type { GraphQLContext } from '../graphql/context.ts';
import { iterateWithin, within } from '../graphql/plugins/tenant-context.ts';
import { DomainError, RateLimitedError, UnauthenticatedError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { authenticate } from './authenticate.ts';
import type { RateLimit } from './rate-limit.ts';
import { bearerOf, requestInfoOf } from './request-info.ts';
import type { EdgeContext, Yoga } from './yoga.ts';

export interface WebSocketParts {
  env: Env;
  yoga: Yoga;
  auth: Auth;
  rateLimit: RateLimit;
  log: Logger;
}

/** Operations one socket may have under way. */
const MAX_OPERATIONS = 100;
const CONNECTION_INIT_MS = 5_000;
const KEEP_ALIVE_MS = 12_000;
const LAST_WORDS_MS = 2_000;

type Execute = (args: ExecutionArgs) => unknown;

interface Extra {
  edge?: EdgeContext;
  socket: WebSocket;
}

interface Connection {
  subscriptions: Record<string, unknown>;
}

function underWay({ subscriptions }: Connection): number {
  return Object.keys(subscriptions).length;
}

/** GraphQL over WebSocket (graphql-transport-ws) on the path of GraphQL, with the same plugins as HTTP. */
export function serveWebSockets(server: Server, parts: WebSocketParts): { close(): Promise<void> } {
  const { env, yoga, auth, rateLimit, log } = parts;
  const connections = new Set<Connection>();
  const sockets = new WebSocketServer({ server, path: '/graphql', maxPayload: env.MAX_BODY_BYTES });
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
          const viewer = await authenticate(parts, bearerOf(typeof given === 'string' ? given : undefined), info);
          connection.extra.edge = { viewer, request: info };
          connections.add(connection);
          return true;
        } catch (error) {
          if (error instanceof DomainError) {
            const code = { UNAUTHENTICATED: 4401, FORBIDDEN: 4403, UNAVAILABLE: 1013 }[error.code as 'FORBIDDEN'] ?? 4400;
            connection.extra.socket.close(code, error.message.slice(0, 120));
          } else {
            log.error({ err: error, requestId: info.requestId }, 'unexpected error');
            connection.extra.socket.close(1011, 'Unexpected error.');
          }
          return false;
        }
      },
      // The plugins around execution act as the viewer too: a masked error is logged with the request it belongs to.
      execute: (args) =>
        within(args.contextValue as GraphQLContext, () => (args.rootValue as { execute: Execute }).execute(args)) as never,
      subscribe: async (args) => {
        const context = args.contextValue as GraphQLContext;
        const result = await within(context, () => (args.rootValue as { subscribe: Execute }).subscribe(args));
        return (isAsyncIterable(result) ? iterateWithin(context, result) : result) as never;
      },
      async onSubscribe(connection, _id, payload) {
        const { edge } = connection.extra;
        if (!edge) return [new GraphQLError('The connection was not initialised.')];
        const { viewer, request } = edge;
        try {
          if (underWay(connection) > MAX_OPERATIONS) {
            throw new RateLimitedError(`A socket has at most ${MAX_OPERATIONS} operations under way.`, 1);
          }
          // The socket may have outlived the right it was opened with.
          if (viewer && !(await runWithContext(dbContextOf(null, request), () => auth.recheck(viewer)))) {
            throw new UnauthenticatedError('The credential of this connection no longer holds. Connect again with another.');
          }
          await rateLimit.take(viewer, request.ip);
        } catch (error) {
          if (!(error instanceof DomainError)) throw error;
          return [new GraphQLError(error.message, { extensions: { code: error.code } })];
        }
        const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({ edge, params: payload });
        try {
          const args = {
            schema,
            document: parse(payload.query),
            operationName: payload.operationName,
            variableValues: payload.variables,
            contextValue: await contextFactory(),
            rootValue: { execute, subscribe },
          };
          const errors = validate(args.schema, args.document);
          return errors.length > 0 ? errors : args;
        } catch (error) {
          if (error instanceof GraphQLError) return [error];
          throw error;
        }
      },
      onClose(connection) {
        connections.delete(connection);
      },
    },
    sockets,
    KEEP_ALIVE_MS,
  );
  return {
    async close() {
      // The last words of ended subscriptions are on their way: they say how to go on.
      const deadline = Date.now() + LAST_WORDS_MS;
      while (Date.now() < deadline && [...connections].some((connection) => underWay(connection) > 0)) await delay(10);
      await disposable.dispose();
    },
  };
}
