import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { install } from '../../../src/modules/index.ts';
import { migrate } from '../../../src/platform/migrations/migrate.ts';
import { openEmbedded } from '../../../src/platform/postgres/connect.ts';
import { checkResponses } from '../cases/check.ts';
import { OPERATIONS, type OperationName } from '../cases/operations.ts';
import { makeWorkload, requestsOf } from '../cases/workload.ts';
import type { Cluster } from '../fixtures/cluster.ts';
import { fillDatabase } from '../fixtures/dataset.ts';
import { prepareTenants, type Secrets, type TenantOwner } from '../fixtures/tenants.ts';
import { type Filled, startFor } from '../servers/participants.ts';
import { DIALECTS, startEmbedded } from '../servers/start.ts';
import { figuresOf, interleave, type Meter, ratioOf } from './slices.ts';

/** Requests per second, and their ratio. */
export interface Embedded {
  embedded: number;
  postgres: number;
  ratio: number;
}

const CONNECTIONS = 16;

/** Fills the embedded database of a folder with the rows of the PostgreSQL database. */
async function fillFolder(folder: string, messages: number, secrets: Secrets): Promise<TenantOwner[]> {
  const { pool, close } = await openEmbedded(join(folder, 'postgres'));
  try {
    await migrate(pool, { install });
    const client = await pool.connect();
    try {
      await fillDatabase(client, messages);
      return await prepareTenants(client, secrets);
    } finally {
      client.release();
    }
  } finally {
    await close();
  }
}

/** Compares the server with PostgreSQL inside its process and with a separate PostgreSQL, over the same rows. */
export async function measureEmbedded(
  cluster: Cluster,
  meter: Meter,
  small: Filled,
  timing: { rounds: number; sliceMs: number },
): Promise<Record<OperationName, Embedded>> {
  const folder = mkdtempSync(join(tmpdir(), 'agentbase-bench-embedded-'));
  try {
    const tenants = await fillFolder(folder, small.database.messages, small.secrets);
    const servers = [
      { name: 'embedded', tenants, server: await startEmbedded(cluster.processes, small.secrets, folder) },
      { name: 'PostgreSQL', tenants: small.tenants, server: await startFor(cluster, small, 'agentbase') },
    ];
    await checkEmbedded(small, servers[0] as (typeof servers)[number]);
    const entries: [OperationName, Embedded][] = [];
    for (const { name: operation } of OPERATIONS) {
      const contenders = servers.map(({ name, tenants: own, server }) => {
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

/** Compares reads of the embedded server with the rows of PostgreSQL. Throws on a difference. */
async function checkEmbedded(
  small: Filled,
  { name, tenants, server }: { name: string; tenants: TenantOwner[]; server: { url: string } },
): Promise<void> {
  const credentials = tenants.map(({ apiKey }) => apiKey);
  const endpoint = { name, url: server.url, dialect: DIALECTS.agentbase, credentials };
  const problems = await checkResponses(small.database.owner, [endpoint], makeWorkload(tenants), 4, [
    'flat',
    'nested',
    'detail',
    'node',
  ]);
  if (problems.length > 0) throw new Error(problems.join('\n'));
}
