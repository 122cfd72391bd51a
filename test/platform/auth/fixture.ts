import { Writable } from 'node:stream';
import { pino } from 'pino';
import type { TenancyServices } from '../../../src/modules/tenancy/services.ts';
import { type Auth, type AuthOptions, createAuth } from '../../../src/platform/auth/auth.ts';
import { generateSigningKey, inlineKeyring } from '../../../src/platform/auth/keyring.ts';
import { hashPassword } from '../../../src/platform/auth/passwords.ts';
import { createSignInLimiter, type SignInLimiterOptions } from '../../../src/platform/auth/sign-in-limiter.ts';
import { sessionContextOf, type Viewer } from '../../../src/platform/auth/viewer.ts';
import { runWithContext } from '../../../src/platform/postgres/request-scope.ts';
import { type TestDatabase, testDatabase } from '../../testkit/database.ts';
import { unique } from '../../testkit/tenants.ts';

export const ISSUER = 'https://agentbase.example.test';
export const AUDIENCE = 'agentbase';
export const PASSWORD = 'correct horse battery staple';
export const DAY = 86_400;

/** Hashing is slow by design: all tests share one hash. */
export const passwordHash: Promise<string> = hashPassword(PASSWORD);

export interface AuthFixture extends TenancyServices {
  db: TestDatabase;
  auth: Auth;
  options: AuthOptions;
  /** All log lines of this process. */
  logged(): string;
  /** Another process with the same keys and database. */
  another(change?: Partial<AuthOptions>): Promise<Auth>;
  /** Runs in one transaction with the viewer's context, as a request does. */
  as<T>(viewer: Viewer | null, work: () => Promise<T>, ip?: string): Promise<T>;
}

export async function authFixture(change: Partial<AuthOptions> & { limits?: SignInLimiterOptions } = {}): Promise<AuthFixture> {
  const db = await testDatabase();
  const { database, prisma } = db;
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const { limits, ...rest } = change;
  const options: AuthOptions = {
    database,
    prisma,
    keyring: await inlineKeyring(JSON.stringify({ keys: [await generateSigningKey()] })),
    issuer: ISSUER,
    audience: AUDIENCE,
    apiKeyPepper: 'pepper of the tests',
    oidcIssuers: [],
    accessTokenTtlSeconds: 900,
    refreshTokenTtlSeconds: 30 * DAY,
    signInLimiter: createSignInLimiter({ perAccount: 1_000, perAddress: 10_000, ...limits }),
    log: pino({ level: 'trace' }, sink),
    ...rest,
  };
  return {
    db,
    database,
    prisma,
    options,
    tenancyLimits: { tenantsPerUser: 50 },
    auth: await createAuth(options),
    logged: () => lines.join(''),
    another: (other = {}) => createAuth({ ...options, ...other }),
    as: (viewer, work, ip = '192.0.2.1') =>
      runWithContext(sessionContextOf(viewer, { requestId: unique('request'), ip, userAgent: 'test' }), () =>
        database.transaction(work, { readOnly: false }),
      ),
  };
}

/** For keys that the server does not know, to forge tokens. */
export { generateSigningKey } from '../../../src/platform/auth/keyring.ts';
