import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Jobs } from '../../../src/platform/jobs/job.ts';
import { startJobs } from '../../../src/platform/jobs/jobs.ts';
import { newId } from '../../../src/platform/lib/ids.ts';
import { createLogger } from '../../../src/platform/lib/logger.ts';
import { type TestDatabase, throwawayDatabase } from '../../testkit/database.ts';
import { jobsPool } from '../../testkit/services.ts';

let db: TestDatabase;
let jobs: Jobs;
let pool: ReturnType<typeof jobsPool>;
let begun: string[];
let release: (() => void)[];

beforeEach(async () => {
  db = await throwawayDatabase();
  pool = jobsPool(db);
  jobs = await startJobs({ pool, embedded: db.embedded, works: false, log: createLogger('silent') });
  begun = [];
  release = [];
});
afterEach(async () => {
  for (const end of release) end();
  await jobs.close();
  if (!db.embedded) await pool.end();
  await db.close();
});

function enqueue(tenantId: string, count: number, priority = 0): Promise<void> {
  const given = Array.from({ length: count }, () => ({ tenantId, id: newId() }));
  return db.database.transactionAs({ tenantId }, () => jobs.enqueue('run.execute', given, { priority }));
}

function work(size: number): void {
  jobs.startConcurrentWorker(
    {
      'run.execute': ({ data }) => {
        begun.push(data.tenantId);
        return new Promise((resolve) => release.push(resolve));
      },
    },
    size,
  );
}

test('a tenant whose jobs occupy every slot does not block another tenant', async () => {
  const [busy, other] = [newId(), newId()];
  await enqueue(busy, 20);
  work(4);
  await expect.poll(() => begun.length).toBe(4);
  await enqueue(other, 3);
  await expect.poll(() => begun.filter((tenantId) => tenantId === other)).toHaveLength(1);
  // The spare slot is for tenants without a running job: neither tenant gets another slot.
  await enqueue(busy, 1);
  expect(begun.filter((tenantId) => tenantId === busy)).toHaveLength(4);
  for (const end of release.splice(0)) end();
  await expect.poll(() => begun.length).toBeGreaterThanOrEqual(9);
});

test('a job with a higher priority starts first', async () => {
  const [busy, other] = [newId(), newId()];
  await enqueue(busy, 3, -1);
  await enqueue(other, 1);
  work(1);
  await expect.poll(() => begun).toEqual([other, busy]);
});
