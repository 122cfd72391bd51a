import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Env } from '../env.ts';
import { modules } from '../modules/index.ts';
import { createAuth } from '../platform/auth/auth.ts';
import { ensureKeyFile, fileKeyring } from '../platform/auth/key-file.ts';
import { generateSigningKey, inlineKeyring, type Keyring } from '../platform/auth/keyring.ts';
import { createSignInLimiter } from '../platform/auth/sign-in-limiter.ts';
import { createFastPath } from '../platform/graphql/http/fast-path.ts';
import { readPersistedOperations } from '../platform/graphql/http/plugins/persisted-operations.ts';
import { ValidatedDocumentCache } from '../platform/graphql/http/validated-documents.ts';
import { serveWebSockets } from '../platform/graphql/http/websocket.ts';
import { createGraphQLServer, type Yoga } from '../platform/graphql/http/yoga.ts';
import { DEFAULT_OPERATION_LIMITS } from '../platform/graphql/operation-limits.ts';
import type { HealthChecks } from '../platform/http/health.ts';
import { createRateLimit } from '../platform/http/rate-limit.ts';
import { BodyBudget } from '../platform/http/request-body.ts';
import { createLogger, type Logger } from '../platform/lib/logger.ts';
import { createLive } from '../platform/live/live-views.ts';
import { createMcpEndpoint } from '../platform/mcp-server/http-endpoint.ts';
import { appliedMigrations } from '../platform/migrations/migrate.ts';
import { migrationNames } from '../platform/migrations/migration-files.ts';
import { addModuleMetrics, loadCatalogs, routesOf, startWork } from '../platform/module/module-parts.ts';
import type { Services } from '../platform/module/services.ts';
import { type Connections, connectEmbedded, connectPostgres } from './connections.ts';
import { type DataFolder, openDataFolder } from './data-folder.ts';
import type { LockHolder } from './folder-lock.ts';
import { graphiqlPageOf } from './graphiql-page.ts';
import { createHttpServer } from './http-server.ts';
import { startMaintenance } from './maintenance.ts';
import { createMetrics } from './metrics/metrics.ts';
import { moduleServicesOf, noticeBusOf, openServices, type ProcessServices } from './process-services.ts';
import { schema } from './schema.ts';

export interface App {
  services: Services;
  yoga: Yoga;
  /** The embedded mode's folder; undefined on PostgreSQL. */
  folder: DataFolder | undefined;
  /** Starts to accept requests, and returns the address. */
  listen(): Promise<string>;
  /** Stops accepting requests, ends live views, lets running requests finish, and closes all connections. */
  close(): Promise<void>;
}

export interface AppOptions {
  log?: Logger;
  /** Open connections to use. The app closes them. */
  connections?: Connections;
}

/** How long running requests may take to finish when the server stops. */
const GRACE_MS = 10_000;

/** How long each part may take to close when the server stops. A database that does not respond would block the stop. */
const CLOSE_TIMEOUT_MS = 3_000;

async function keyringOf(env: Env, folder: DataFolder | undefined, log: Logger): Promise<Keyring> {
  const onError = (error: unknown) => log.error({ err: error }, 'signing key reload failed; previous keys stay in use');
  if (env.AUTH_KEYS) return inlineKeyring(env.AUTH_KEYS);
  const file = env.AUTH_KEYS_FILE ?? folder?.keysFile;
  if (file) {
    // In production, the operator configures and creates the file.
    if (env.NODE_ENV !== 'production') await ensureKeyFile(file);
    return fileKeyring(file, onError);
  }
  log.warn('signing keys generated for this process only: its tokens are invalid after a restart');
  return inlineKeyring(JSON.stringify({ keys: [await generateSigningKey()] }));
}

function healthChecks({ database, redis }: Connections, { storage }: Pick<ProcessServices, 'storage'>): HealthChecks {
  const migrations = migrationNames();
  const pingRedis = async () => {
    await redis?.ping();
  };
  return {
    required: {
      postgres: async () => {
        await database.query('SELECT 1');
      },
      migrations: async () => {
        const applied = new Set(await appliedMigrations(database));
        const missing = migrations.filter((name) => !applied.has(name));
        if (missing.length > 0) throw new Error(`missing: ${missing.join(', ')}`);
      },
    },
    // Only uploads and downloads need the storage; without Redis, limits are counted in memory and live views poll.
    optional: { storage: () => storage.check(), ...(redis ? { redis: pingRedis } : {}) },
  };
}

/** The size of all request bodies in memory, beside small ones. */
const MAX_BODIES_BYTES = 64 * 1024 * 1024;

/** Waits for a part to close, at most CLOSE_TIMEOUT_MS. */
async function closeWithTimeout(part: string, closing: Promise<unknown>, log: Logger): Promise<void> {
  const stop = new AbortController();
  const late = delay(CLOSE_TIMEOUT_MS, 'late' as const, { signal: stop.signal });
  try {
    if ((await Promise.race([closing, late])) === 'late') log.warn({ part }, 'close timed out');
  } finally {
    stop.abort();
    late.catch(() => {});
    // Ignores failures after the timeout.
    closing.catch(() => {});
  }
}

/** Creates the server: database, identity, live views, GraphQL, HTTP. It listens once `listen` is called. */
export async function createApp(
  env: Env,
  { log = createLogger(env.LOG_LEVEL), connections: open }: AppOptions = {},
): Promise<App> {
  const onLost = (by: LockHolder) => {
    // At once, without the usual stop: it would write to files that the other process has open.
    log.fatal({ by }, 'data folder taken over by another process');
    process.exit(1);
  };
  const folder = env.DATABASE_URL ? undefined : await openDataFolder(env.AGENTBASE_DATA_DIR, { onLost });
  const connect = () => (folder ? connectEmbedded(env, folder, log) : connectPostgres(env, log));
  const connections = await (open ? Promise.resolve(open) : connect()).catch((error: unknown) => {
    folder?.close();
    throw error;
  });
  const { database, redis } = connections;
  const parts = await openServices(env, connections, log, folder !== undefined);
  const { prisma, close: closeParts, ...shared } = parts;
  if (!folder && !env.API_KEY_PEPPER) log.warn('API_KEY_PEPPER is not set: API keys are hashed with the development pepper');
  const pepper = env.API_KEY_PEPPER ?? folder?.pepper ?? 'the pepper of the development mode';
  const auth = await createAuth({
    database,
    prisma,
    log,
    keyring: await keyringOf(env, folder, log),
    issuer: env.JWT_ISSUER ?? env.PUBLIC_URL ?? 'http://localhost/agentbase',
    audience: env.JWT_AUDIENCE,
    apiKeyPepper: pepper,
    oidcIssuers: env.OIDC_ISSUERS,
    accessTokenTtlSeconds: env.ACCESS_TOKEN_TTL_SECONDS,
    refreshTokenTtlSeconds: env.REFRESH_TOKEN_TTL_SECONDS,
    signInLimiter: createSignInLimiter({ store: redis ? { redis } : folder ? undefined : { database } }),
  });
  const live = createLive({
    database,
    log,
    transport: await noticeBusOf(env, log),
    revalidate: (viewer) => auth.revalidate(viewer),
  });
  let address = '';
  const baseUrl = () => (env.PUBLIC_URL ?? address).replace(/\/+$/, '');
  const operationLimits = { ...DEFAULT_OPERATION_LIMITS, complexity: env.MAX_COMPLEXITY, depth: env.MAX_DEPTH };
  const services: Services = {
    ...shared,
    ...moduleServicesOf(env, pepper),
    operationLimits,
    prisma,
    database,
    auth,
    live,
    log,
    baseUrl,
  };
  // The embedded database has one process, which runs the jobs too.
  const work = folder ? await startWork(modules, services, env) : undefined;
  const metrics = createMetrics(services);
  await addModuleMetrics(modules, services, metrics.registry);
  const persisted = env.PERSISTED_OPERATIONS_FILE ? readPersistedOperations(env.PERSISTED_OPERATIONS_FILE) : undefined;
  const prepared = new ValidatedDocumentCache();
  const observe = [{ name: 'metrics', plugin: metrics.plugin }];
  const graphiqlPage = graphiqlPageOf(env, folder, services);
  const { yoga, plugins } = await createGraphQLServer({ env, services, observe, persisted, prepared, schema, graphiqlPage });
  const rateLimit = createRateLimit(
    { credential: env.RATE_LIMIT_PER_MINUTE, anonymous: env.RATE_LIMIT_ANONYMOUS_PER_MINUTE },
    redis,
  );
  const budget = new BodyBudget(MAX_BODIES_BYTES, MAX_BODIES_BYTES / 4);
  const server = createHttpServer({
    env,
    yoga,
    fastPath: createFastPath({ env, yoga, plugins, persisted, prepared, services, metrics }),
    mcp: createMcpEndpoint({ env, auth, rateLimit, budget, services, catalogs: () => loadCatalogs(modules), log }),
    routes: routesOf(modules),
    auth,
    rateLimit,
    budget,
    metrics,
    checks: healthChecks(connections, parts),
    services,
    log,
  });
  const sockets = serveWebSockets(server, { env, yoga, auth, rateLimit, log });
  const maintenance = await startMaintenance(database, log);

  return {
    services,
    yoga,
    folder,
    async listen() {
      server.listen(env.PORT, env.HOST);
      await once(server, 'listening');
      const { address: host, family, port } = server.address() as AddressInfo;
      address = `http://${family === 'IPv6' ? `[${host}]` : host}:${port}`;
      return address;
    },
    async close() {
      const closed = server.listening ? once(server, 'close') : Promise.resolve();
      server.close();
      maintenance.stop();
      await closeWithTimeout('live views', live.close(), log);
      await sockets.close();
      const grace = setTimeout(() => server.closeAllConnections(), GRACE_MS);
      // A connection that was busy when the server closed stays open for another request, which would never come.
      const idle = setInterval(() => server.closeIdleConnections(), 50);
      await closed;
      clearInterval(idle);
      clearTimeout(grace);
      await yoga.dispose();
      await closeWithTimeout('identity', auth.close(), log);
      await closeWithTimeout('jobs and storage', closeParts(), log);
      await work?.close();
      await prisma.$disconnect();
      await closeWithTimeout('database', connections.close(), log);
      folder?.close();
    },
  };
}
