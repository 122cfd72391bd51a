import { createAuth } from '../../src/auth/auth.ts';
import { generateSigningKey, inlineKeyring } from '../../src/auth/keyring.ts';
import { createSignInLimiter } from '../../src/auth/sign-in-limiter.ts';
import type { Services } from '../../src/graphql/context.ts';
import { createLogger } from '../../src/lib/logger.ts';
import { createLive } from '../../src/live/live.ts';
import { createMemoryTransport } from '../../src/live/transport.ts';
import { testIssuer } from './issuer.ts';
import type { Clients } from './tenants.ts';

let shared: Promise<Services> | undefined;

/** What a server process has one of, over the database of this worker. */
export function testServices(clients: Clients): Promise<Services> {
  shared ??= make(clients);
  return shared;
}

async function make({ database, prisma }: Clients): Promise<Services> {
  const log = createLogger('silent');
  const issuer = await testIssuer();
  const auth = await createAuth({
    database,
    prisma,
    log,
    keyring: await inlineKeyring(JSON.stringify({ keys: [await generateSigningKey()] })),
    issuer: 'https://agentbase.test',
    audience: 'agentbase',
    apiKeyPepper: 'a pepper for tests alone',
    oidcIssuers: [{ issuer: issuer.url, audience: 'agentbase' }],
    accessTokenTtlSeconds: 900,
    refreshTokenTtlSeconds: 86_400,
    signInLimiter: createSignInLimiter(),
  });
  const live = createLive({ database, log, transport: createMemoryTransport(), recheck: (viewer) => auth.recheck(viewer) });
  return { database, prisma, auth, live, log };
}
