import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createAuth } from '../../../src/platform/auth/auth.ts';
import { inlineKeyring } from '../../../src/platform/auth/keyring.ts';
import type { SignInLimiter } from '../../../src/platform/auth/sign-in-limiter.ts';
import { sessionContextOf } from '../../../src/platform/auth/viewer.ts';
import { createLogger } from '../../../src/platform/lib/logger.ts';
import { openPool } from '../../../src/platform/postgres/connect.ts';
import { Database } from '../../../src/platform/postgres/database.ts';
import type { Prisma } from '../../../src/platform/postgres/prisma.ts';
import type { SessionContext } from '../../../src/platform/postgres/request-scope.ts';
import { runWithContext } from '../../../src/platform/postgres/request-scope.ts';
import type { Timeouts } from '../../../src/platform/postgres/session-settings.ts';

/** Settings that every compared server reads from its environment. */
export interface Settings {
  port: number;
  databaseUrl: string;
  poolSize: number;
}

export function readSettings(): Settings {
  const { PORT, DATABASE_URL, DATABASE_POOL_SIZE } = process.env;
  return { port: Number(PORT), databaseUrl: DATABASE_URL ?? '', poolSize: Number(DATABASE_POOL_SIZE) };
}

/** The defaults of Agentbase. */
export const TIMEOUTS: Timeouts = { statementMs: 10_000, lockMs: 5_000, idleInTransactionMs: 10_000 };

/** Session context of an authenticated caller. */
export type Caller = SessionContext & { tenantId: string; userId: string };

/** The credential is missing or invalid: status 401. */
export class RefusedError extends Error {}

/**
 * Authenticates requests with the code of Agentbase and its cache of three seconds, so that all servers do the same work. Uses two
 * connections of its own.
 */
export async function openCredentials({ databaseUrl }: Settings): Promise<(request: IncomingMessage) => Promise<Caller>> {
  const pool = openPool({ connectionString: databaseUrl, max: 2, connectionTimeoutMs: 10_000, queryTimeoutMs: 20_000 });
  const database = new Database({ pool, timeouts: TIMEOUTS, preparedStatements: true, maxWaiting: 500 });
  const auth = await createAuth({
    database,
    // Needed only for sign-in, which the benchmark does not use.
    prisma: undefined as unknown as Prisma,
    signInLimiter: undefined as unknown as SignInLimiter,
    keyring: await inlineKeyring(process.env.AUTH_KEYS ?? ''),
    issuer: process.env.PUBLIC_URL ?? '',
    audience: 'agentbase',
    apiKeyPepper: process.env.API_KEY_PEPPER ?? '',
    oidcIssuers: [],
    accessTokenTtlSeconds: 900,
    refreshTokenTtlSeconds: 3600,
    log: createLogger('warn'),
  });
  return async (request) => {
    const [, credential] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    if (credential === undefined) throw new RefusedError('the authorization header has no bearer credential');
    const info = { requestId: randomUUID(), ip: request.socket.remoteAddress, userAgent: request.headers['user-agent'] };
    const viewer = await runWithContext(sessionContextOf(null, info), () => auth.verify(credential));
    if (!viewer.userId) throw new RefusedError('the credential belongs to no user');
    return { ...sessionContextOf(viewer, info), tenantId: viewer.tenantId, userId: viewer.userId };
  };
}
