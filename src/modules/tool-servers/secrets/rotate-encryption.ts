import type pg from 'pg';
import { SealedError, type Sealer } from '../../../platform/encryption/sealer.ts';
import type { Database } from '../../../platform/postgres/database.ts';
import type { Prisma } from '../../../platform/postgres/prisma.ts';
import { tenantKey } from '../../../platform/postgres/request-scope.ts';
import { openAllSecrets, sealAllSecrets } from './secrets.ts';

export interface RotateEncryptionOptions {
  /** Connections of the owner of the tables, which lists all tenants. */
  pool: pg.Pool;
  /** Uses the same connections, as one tenant after the other. */
  database: Database;
  prisma: Prisma;
  sealer: Sealer;
  /** Called after each tenant with rows to encrypt, and at the end. */
  onProgress?: (progress: RotateEncryptionProgress) => void;
}

export interface RotateEncryptionProgress {
  tenants: number;
  /** Rows that were encrypted again with the newest key. */
  resealed: number;
  /** Rows that could not be decrypted, because their key is missing or they were modified. They are not changed. */
  failed: number;
}

const TENANTS_PER_BATCH = 500;

/**
 * Encrypts each row with the newest key that is encrypted with an older one, in one transaction per row. A run that is interrupted can be
 * repeated.
 */
export async function rotateEncryption({
  pool,
  database,
  prisma,
  sealer,
  onProgress,
}: RotateEncryptionOptions): Promise<RotateEncryptionProgress> {
  const newest = await sealer.newestKey();
  const progress: RotateEncryptionProgress = { tenants: 0, resealed: 0, failed: 0 };
  for await (const tenantId of everyTenant(pool)) {
    progress.tenants++;
    const due = await database.transactionAs({ tenantId }, () =>
      prisma.mcpServerConfig.findMany({
        where: { sealedWith: { not: newest } },
        select: { id: true },
        orderBy: { id: 'asc' },
      }),
    );
    for (const { id } of due) {
      const done = await database.transactionAs({ tenantId }, () => rotateRow(prisma, sealer, id));
      if (done) progress.resealed++;
      else progress.failed++;
    }
    if (due.length > 0) onProgress?.({ ...progress });
  }
  onProgress?.({ ...progress });
  return progress;
}

/** Runs in a transaction as the tenant of the row. Returns false if the row cannot be decrypted. */
async function rotateRow(prisma: Prisma, sealer: Sealer, id: string): Promise<boolean> {
  await prisma.$executeRaw`SELECT FROM mcp_server_configs WHERE id = ${id}::uuid FOR NO KEY UPDATE`;
  const row = await prisma.mcpServerConfig.findFirst({ where: { id } });
  if (!row) return true;
  try {
    await prisma.mcpServerConfig.update({
      where: tenantKey(id),
      data: await sealAllSecrets(sealer, row, await openAllSecrets(sealer, row)),
      select: { id: true },
    });
    return true;
  } catch (error) {
    if (error instanceof SealedError) return false;
    throw error;
  }
}

/** Lists tenants with the role agentbase_gate, which can read all of them and which the owner may assume. */
async function* everyTenant(pool: pg.Pool): AsyncGenerator<string> {
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const ids = await nextTenants(pool, after);
    yield* ids;
    const last = ids.at(-1);
    if (last === undefined) return;
    after = last;
  }
}

async function nextTenants(pool: pg.Pool, after: string): Promise<string[]> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN READ ONLY');
    await client.query('SET LOCAL ROLE agentbase_gate');
    const { rows } = await client.query<{ id: string }>('SELECT id FROM tenants WHERE id > $1 ORDER BY id LIMIT $2', [
      after,
      TENANTS_PER_BATCH,
    ]);
    await client.query('COMMIT');
    return rows.map(({ id }) => id);
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}
