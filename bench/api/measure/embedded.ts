import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { install } from '../../../src/modules/index.ts';
import { migrate } from '../../../src/platform/migrations/migrate.ts';
import { openEmbedded } from '../../../src/platform/postgres/connect.ts';
import { type BenchmarkTenants, readBenchmarkTenants, type Secrets } from '../fixtures/tenants.ts';
import { checkAnswers } from '../cases/check.ts';
import type { Cluster } from '../fixtures/cluster.ts';
import { fillDatabase } from '../fixtures/dataset.ts';
import { figuresOf, interleave, type Meter, ratioOf } from './slices.ts';
import { OPERATIONS, type OperationName } from '../cases/operations.ts';
import { type Filled, startFor } from '../servers/participants.ts';
import { DIALECTS, startEmbedded } from '../servers/start.ts';
import { makeWorkload, requestsOf } from '../cases/workload.ts';

/** Requests a second, and what part of those on PostgreSQL the embedded mode has. */
export interface Embedded {
  embedded: number;
  postgres: number;
  ratio: number;
}

const CONNECTIONS = 16;

/** Fills the embedded database of a folder as PostgreSQL is filled. */
async function fillFolder(folder: string, messages: number, secrets: Secrets): Promise<BenchmarkTenants> {
  const { pool, close } = await openEmbedded(join(folder, 'postgres'));
  try {
    await migrate(pool, { install });
    const client = await pool.connect();
    try {
      await fillDatabase(client, messages);
      return await readBenchmarkTenants(client, secrets);
    } finally {
      client.release();
    }
  } finally {
    await close();
  }
}

/** The same server over PostgreSQL inside its process and over a real one, with the same rows. */
export async function measureEmbedded(
  cluster: Cluster,
  meter: Meter,
  small: Filled,
  timing: { rounds: number; sliceMs: number },
): Promise<Record<OperationName, Embedded>> {
  const folder = mkdtempSync(join(tmpdir(), 'agentbase-bench-embedded-'));
  try {
    const world = await fillFolder(folder, small.database.messages, small.secrets);
    const servers = [
      { name: 'embedded', world, server: await startEmbedded(cluster.processes, small.secrets, folder) },
      { name: 'PostgreSQL', world: small.world, server: await startFor(cluster, small, 'agentbase') },
    ];
    await checkEmbedded(small, servers[0] as (typeof servers)[number]);
    const entries: [OperationName, Embedded][] = [];
    for (const { name: operation } of OPERATIONS) {
      const contenders = servers.map(({ name, world: own, server }) => {
        const credentials = own.map(({ apiKey }) => apiKey);
        return {
          name,
          server,
          operation,
          requests: requestsOf(DIALECTS.agentbase, operation, makeWorkload(own)[operation], credentials),
        };
      });
      const [inside = [], outside = []] = await interleave(meter, contenders, { ...timing, connections: CONNECTIONS });
      entries.push([
        operation,
        { embedded: figuresOf(inside).rps, postgres: figuresOf(outside).rps, ratio: ratioOf(inside, outside, 'rps') },
      ]);
    }
    for (const { server } of servers) await cluster.processes.end(server.pid);
    return Object.fromEntries(entries) as Record<OperationName, Embedded>;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Reads that no append has changed answer as PostgreSQL's rows say, which are the same. Throws where they do not. */
async function checkEmbedded(
  small: Filled,
  { name, world, server }: { name: string; world: BenchmarkTenants; server: { url: string } },
): Promise<void> {
  const credentials = world.map(({ apiKey }) => apiKey);
  const answerer = { name, url: server.url, dialect: DIALECTS.agentbase, credentials };
  const problems = await checkAnswers(small.database.owner, [answerer], makeWorkload(world), 4, [
    'flat',
    'nested',
    'detail',
    'node',
  ]);
  if (problems.length > 0) throw new Error(problems.join('\n'));
}
