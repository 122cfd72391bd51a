import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { createUploadTokens } from '../../src/modules/knowledge/documents/upload-token.ts';
import { createModels } from '../../src/platform/ai/models.ts';
import { createAuth } from '../../src/platform/auth/auth.ts';
import { generateSigningKey, inlineKeyring } from '../../src/platform/auth/keyring.ts';
import { createSignInLimiter } from '../../src/platform/auth/sign-in-limiter.ts';
import type { Services } from '../../src/platform/graphql/context.ts';
import { DEFAULT_OPERATION_LIMITS } from '../../src/platform/graphql/operation-limits.ts';
import { openJobsPool, startJobs } from '../../src/platform/jobs/jobs.ts';
import { createLogger } from '../../src/platform/lib/logger.ts';
import { createLive } from '../../src/platform/live/live-views.ts';
import { createMemoryNoticeBus } from '../../src/platform/live/transport/notice-bus.ts';
import { openMcp } from '../../src/platform/mcp-client/mcp.ts';
import '../../src/modules/index.ts';
import { createRunMetrics } from '../../src/modules/runs/run-metrics.ts';
import { generateSealingKey, inlineSealingKeys, serializeSealingKeys } from '../../src/platform/encryption/keys.ts';
import { createSealer } from '../../src/platform/encryption/sealer.ts';
import { createStorage } from '../../src/platform/storage/storage.ts';
import type { TestDatabase } from './database.ts';
import { testIssuer } from './issuer.ts';

let shared: Promise<Services> | undefined;

/** The services of a server process, over the database of this test worker. */
export function testServices(clients: TestDatabase): Promise<Services> {
  shared ??= make(clients);
  return shared;
}

/** The connections of the job queue. */
export function jobsPool({ database, urls }: TestDatabase): pg.Pool {
  return urls ? openJobsPool(urls.server, 4) : database.pool;
}

/** The folder of uploaded files, which is removed with the process. */
export const storageFolder = temporaryFolder();

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'agentbase-test-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function make(db: TestDatabase): Promise<Services> {
  const { database, prisma, embedded } = db;
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
  const live = createLive({ database, log, transport: createMemoryNoticeBus(), revalidate: (viewer) => auth.revalidate(viewer) });
  return {
    database,
    prisma,
    auth,
    live,
    log,
    jobs: await startJobs({ pool: jobsPool(db), embedded, works: false, log }),
    models: createModels({ embeddings: undefined, answers: undefined }),
    mcp: openMcp({
      sealer: createSealer(inlineSealingKeys(serializeSealingKeys([generateSealingKey()]))),
      // The servers of these tests are on loopback.
      allowedNetworks: ['127.0.0.1'],
      idleMs: 60_000,
      maxConnections: 20,
      log,
    }),
    runMetrics: createRunMetrics(),
    storage: createStorage({ kind: 'local', folder: storageFolder }),
    uploadTokens: createUploadTokens('a pepper for tests alone'),
    operationLimits: DEFAULT_OPERATION_LIMITS,
    tenancyLimits: { tenantsPerUser: 50 },
    knowledgeLimits: { maxUploadBytes: 10_000_000, exactUpTo: 50_000, keepDeletedDays: 30 },
    baseUrl: () => 'http://agentbase.test',
  };
}
