import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Env } from '../env.ts';
import { modules } from '../modules/index.ts';
import { localModels } from '../platform/ai/local-models.ts';
import type { ModelOptions, Models } from '../platform/ai/models.ts';
import { createSealer } from '../platform/encryption/sealer.ts';
import type { Jobs } from '../platform/jobs/job.ts';
import { openJobsPool, startJobs } from '../platform/jobs/jobs.ts';
import type { Logger } from '../platform/lib/logger.ts';
import { createMemoryNoticeBus, type NoticeBus } from '../platform/live/transport/notice-bus.ts';
import { type Mcp, openMcp } from '../platform/mcp-client/mcp.ts';
import { createModuleServices } from '../platform/module/module-parts.ts';
import type { ModuleServices } from '../platform/module/registry.ts';
import { createPrisma, type Prisma } from '../platform/postgres/prisma.ts';
import { createStorage, type Storage } from '../platform/storage/storage.ts';
import type { Connections } from './connections.ts';
import { sealingKeysOf } from './sealing-keys.ts';

const DAY_MS = 86_400_000;

/** The services that servers and workers share. */
export interface ProcessServices {
  prisma: Prisma;
  jobs: Jobs;
  models: Models;
  mcp: Mcp;
  storage: Storage;
  close(): Promise<void>;
}

export async function noticeBusOf(env: Env, log: Logger): Promise<NoticeBus> {
  if (!env.DATABASE_URL) return createMemoryNoticeBus();
  if (env.REDIS_URL)
    return (await import('../platform/live/transport/redis-notice-bus.ts')).createRedisNoticeBus({ url: env.REDIS_URL, log });
  const { createPostgresNoticeBus } = await import('../platform/live/transport/postgres-notice-bus.ts');
  return createPostgresNoticeBus({ connectionString: env.DATABASE_LISTEN_URL ?? env.DATABASE_URL, log });
}

function defined<T extends object>(options: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}

async function modelsOf(env: Env): Promise<Models> {
  if (!env.EMBEDDING_PROVIDER && !env.ANSWER_PROVIDER && env.MODEL_PROVIDERS.length === 0) return localModels();
  const { createModels } = await import('../platform/ai/models.ts');
  return createModels({
    embeddings: env.EMBEDDING_PROVIDER && {
      provider: env.EMBEDDING_PROVIDER,
      model: env.EMBEDDING_MODEL ?? '',
      requestsPerMinute: env.EMBEDDING_REQUESTS_PER_MINUTE,
      tokensPerMinute: env.EMBEDDING_TOKENS_PER_MINUTE,
      ...defined({ baseUrl: env.EMBEDDING_BASE_URL, apiKey: env.EMBEDDING_API_KEY, dimensions: env.EMBEDDING_DIMENSIONS }),
    },
    answers: env.ANSWER_PROVIDER && {
      provider: env.ANSWER_PROVIDER,
      model: env.ANSWER_MODEL ?? '',
      ...defined({ baseUrl: env.ANSWER_BASE_URL, apiKey: env.ANSWER_API_KEY }),
    },
    providers: env.MODEL_PROVIDERS,
  } as ModelOptions);
}

function storageOf(env: Env): { storage: Storage; leave(): Promise<void> } {
  const minFreeBytes = env.MAX_UPLOAD_BYTES;
  if (env.S3_BUCKET) {
    const options = {
      region: env.S3_REGION,
      endpoint: env.S3_ENDPOINT,
      accessKeyId: env.S3_ACCESS_KEY_ID,
      secretAccessKey: env.S3_SECRET_ACCESS_KEY,
      prefix: env.S3_PREFIX,
    };
    const storage = createStorage({
      kind: 's3',
      bucket: env.S3_BUCKET,
      forcePathStyle: env.S3_FORCE_PATH_STYLE,
      minFreeBytes,
      ...defined(options),
    });
    return { storage, leave: async () => {} };
  }
  if (env.STORAGE_FOLDER === undefined && env.AGENTBASE_DATA_DIR.startsWith('memory://')) {
    const folder = mkdtempSync(join(tmpdir(), 'agentbase-files-'));
    return {
      storage: createStorage({ kind: 'local', folder, minFreeBytes }),
      leave: () => rm(folder, { recursive: true, force: true }),
    };
  }
  const folder = env.STORAGE_FOLDER ?? join(env.AGENTBASE_DATA_DIR, 'files');
  return { storage: createStorage({ kind: 'local', folder, minFreeBytes }), leave: async () => {} };
}

/** The services of the modules, complete: TypeScript reports a name that `ModuleServices` declares and no module provides. */
export function moduleServicesOf(env: Env, secret: string): ModuleServices {
  return createModuleServices(modules, { env, secret });
}

/** @param works whether this process runs jobs, besides enqueueing them */
export async function openServices(env: Env, { database }: Connections, log: Logger, works: boolean): Promise<ProcessServices> {
  const embedded = env.DATABASE_URL === undefined;
  // Jobs share the single connection of the embedded database. On PostgreSQL they have a pool of their own that bypasses any pooler.
  const pool = embedded
    ? database.pool
    : openJobsPool(env.DATABASE_LISTEN_URL ?? env.DATABASE_URL ?? '', works ? env.JOBS_CONCURRENCY + 2 : 2);
  pool.on('error', (error) => log.warn({ err: error }, 'job queue connection lost'));
  const jobs = await startJobs({ pool, embedded, works, log });
  const { storage, leave } = storageOf(env);
  const mcp = openMcp({
    sealer: createSealer(await sealingKeysOf(env, log)),
    allowedNetworks: env.MCP_ALLOWED_NETWORKS,
    idleMs: env.MCP_IDLE_SECONDS * 1_000,
    maxConnections: env.MCP_MAX_CONNECTIONS,
    log,
  });
  // Incomplete uploads of processes that ended.
  storage.purgeStale(DAY_MS).catch((error: unknown) => log.warn({ err: error }, 'stale upload cleanup failed'));
  return {
    prisma: createPrisma(database),
    jobs,
    models: await modelsOf(env),
    mcp,
    storage,
    async close() {
      await jobs.close();
      await mcp.close();
      if (!embedded) await pool.end();
      await storage.close();
      await leave();
    },
  };
}
