import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PrivatePostgres, startPostgres } from '../../../scripts/private-services.ts';
import { install } from '../../../src/modules/index.ts';
import { openSecrets, sealSecrets } from '../../../src/modules/tool-servers/secrets/secrets.ts';
import {
  changeSealingKeyFile,
  ensureSealingKeyFile,
  fileSealingKeys,
  generateSealingKey,
} from '../../../src/platform/encryption/keys.ts';
import { createSealer, type Sealer } from '../../../src/platform/encryption/sealer.ts';
import { migrate } from '../../../src/platform/migrations/migrate.ts';
import { openPool } from '../../../src/platform/postgres/connect.ts';
import { Database } from '../../../src/platform/postgres/database.ts';
import { createPrisma, type Prisma } from '../../../src/platform/postgres/prisma.ts';
import { runScript } from '../../testkit/run-script.ts';
import { createTenant, type TestTenant } from '../../testkit/tenants.ts';
import { temporaryFolder } from '../mcp-client/servers.ts';

let postgres: PrivatePostgres;
let database: Database;
let prisma: Prisma;

const pool = (user?: string) => {
  const connectionString = postgres.url('owned', user);
  return openPool({ connectionString, max: 2, connectionTimeoutMs: 10_000, queryTimeoutMs: 60_000 });
};

// An installation whose owner is not a superuser: row security applies to the owner too.
beforeAll(async () => {
  postgres = await startPostgres();
  const admin = openPool({ connectionString: postgres.url(), max: 1, connectionTimeoutMs: 10_000, queryTimeoutMs: 60_000 });
  await admin.query('CREATE ROLE plain_owner LOGIN CREATEROLE');
  await admin.query('CREATE ROLE agentbase_server LOGIN');
  await admin.query('CREATE DATABASE owned OWNER plain_owner');
  await admin.end();
  const superuser = pool();
  await superuser.query('CREATE EXTENSION vector');
  await superuser.end();
  const owner = pool('plain_owner');
  await migrate(owner, { install, serverRole: 'agentbase_server' });
  await owner.end();
  database = new Database({
    pool: pool('agentbase_server'),
    timeouts: { statementMs: 15_000, lockMs: 10_000, idleInTransactionMs: 15_000 },
    preparedStatements: true,
    maxWaiting: 100,
  });
  prisma = createPrisma(database);
});
afterAll(async () => {
  await database?.close();
  await postgres?.stop();
});

function reseal(file: string, user: string) {
  return runScript('reseal', [], { SEALING_KEYS_FILE: file, DATABASE_OWNER_URL: postgres.url('owned', user) });
}

const placeOf = (tenant: TestTenant) => ({ tenantId: tenant.id, id: tenant.idOf('mcp_server_configs') });

function seal(sealer: Sealer, tenant: TestTenant, value: string): Promise<unknown> {
  return database.transactionAs({ tenantId: tenant.id }, async () => {
    const {
      text: secrets,
      names: secretNames,
      keyId: sealedWith,
    } = await sealSecrets(sealer, placeOf(tenant), 'secrets', { Key: value });
    return prisma.mcpServerConfig.update({ where: { tenantId_id: placeOf(tenant) }, data: { secrets, secretNames, sealedWith } });
  });
}

async function opened(sealer: Sealer, tenant: TestTenant): Promise<string | undefined> {
  const row = await database.transactionAs({ tenantId: tenant.id }, () =>
    prisma.mcpServerConfig.findUniqueOrThrow({ where: { tenantId_id: placeOf(tenant) } }),
  );
  return (await openSecrets(sealer, row, 'secrets', row.secrets)).Key;
}

test('the owner re-encrypts the secrets of every tenant without reading their rows, and the next run completes the rest', async () => {
  const file = join(await temporaryFolder(), 'sealing.json');
  await ensureSealingKeyFile(file);
  const sealer = createSealer(await fileSealingKeys(file, () => {}));
  const tenants = [
    await createTenant({ database, prisma }, { rows: ['mcp_server_configs'] }),
    await createTenant({ database, prisma }, { rows: ['mcp_server_configs'] }),
    await createTenant({ database, prisma }, { rows: ['mcp_server_configs'] }),
  ];
  for (const tenant of tenants) await seal(sealer, tenant, `of ${tenant.id}`);
  const [, , lost] = tenants as [TestTenant, TestTenant, TestTenant];
  const elsewhere = `${file}.elsewhere`;
  await ensureSealingKeyFile(elsewhere);
  await seal(createSealer(await fileSealingKeys(elsewhere, () => {})), lost, 'under a key that is missing');

  expect(await reseal(file, 'agentbase_server')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('agentbase_gate'),
  });
  await changeSealingKeyFile(file, (keys) => [generateSealingKey(), ...keys]);
  const first = await reseal(file, 'plain_owner');
  expect(first).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot be decrypted') });
  expect(first.stdout).toMatch(/3 tenants checked, 2 configurations re-encrypted, 1 not decrypted\n$/);
  await seal(sealer, lost, `of ${lost.id}`);
  await changeSealingKeyFile(file, ([newest, ...older]) => [generateSealingKey(), newest as object, ...older]);
  expect(await reseal(file, 'plain_owner')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('3 configurations re-encrypted, 0'),
  });
  expect((await reseal(file, 'plain_owner')).stdout).toBe('3 tenants checked, 0 configurations re-encrypted, 0 not decrypted\n');

  // With the newest key only.
  await changeSealingKeyFile(file, (keys) => keys.slice(0, 1));
  const after = createSealer(await fileSealingKeys(file, () => {}));
  for (const tenant of tenants) expect(await opened(after, tenant)).toBe(`of ${tenant.id}`);
});
