import type { IncomingMessage } from 'node:http';
import type { Env } from '../env.ts';
import { findAccount } from '../modules/tenancy/accounts/credentials.ts';
import { openSessionIn } from '../modules/tenancy/sessions/sessions.ts';
import { listOwnTenants } from '../modules/tenancy/tenants/own-tenants.ts';
import { sessionContextOf } from '../platform/auth/viewer.ts';
import type { GraphiqlPage } from '../platform/graphql/http/graphiql.ts';
import type { Services } from '../platform/module/services.ts';
import { runWithContext, switchActor } from '../platform/postgres/request-scope.ts';
import type { DataFolder } from './data-folder.ts';
import { readDemoFile } from './demo-file.ts';
import { exampleFor } from './graphiql-example.ts';

const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/;
const LOCAL_HOST = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'];

/**
 * Whether a browser on this machine asks for this machine. The Host header excludes pages whose name was pointed at this machine; the others
 * exclude proxies and tunnels, which connect from this machine for remote clients.
 */
function isLocal({ socket, headers }: IncomingMessage): boolean {
  return (
    LOOPBACK.test(socket.remoteAddress ?? '') &&
    LOCAL_HOST.test(headers.host ?? '') &&
    FORWARDED.every((name) => headers[name] === undefined)
  );
}

/** Opens a session of an account in its first tenant. */
function openSessionOf({ email, services, userAgent }: { email: string; services: Services; userAgent: string | undefined }) {
  const { database } = services;
  return runWithContext(sessionContextOf(null, { requestId: 'graphiql', ip: undefined, userAgent }), () =>
    database.transaction(async () => {
      const account = await findAccount(database, email);
      if (account?.userStatus !== 'ACTIVE') return undefined;
      await switchActor({ userId: account.userId, tenantId: undefined, apiKeyId: undefined });
      const [tenant] = await listOwnTenants(database);
      return tenant && openSessionIn(services, account.userId, tenant);
    }),
  );
}

/**
 * The page of GraphiQL. In development, a browser on this machine is signed in as the owner of the first demo tenant of the embedded
 * database. Production has no embedded database.
 */
export function graphiqlPageOf(env: Env, folder: DataFolder | undefined, services: Services): GraphiqlPage {
  const signedOut = { defaultQuery: exampleFor(undefined), authorization: undefined };
  if (!folder || env.NODE_ENV !== 'development') return async () => signedOut;
  return async (request) => {
    const [demo] = readDemoFile(folder)?.tenants ?? [];
    if (!demo || !isLocal(request)) return signedOut;
    const session = await openSessionOf({ email: demo.email, services, userAgent: request.headers['user-agent'] });
    if (!session) return signedOut;
    return { defaultQuery: exampleFor(demo), authorization: `Bearer ${session.accessToken}` };
  };
}
