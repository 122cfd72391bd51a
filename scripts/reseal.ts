/**
 * Re-encrypts with the newest key all secrets of tenants that use an older key. It can be interrupted and repeated, also while servers run.
 * Reads SEALING_KEYS or SEALING_KEYS_FILE, and DATABASE_OWNER_URL (default: DATABASE_URL). Without a database URL it opens the
 * embedded one, whose server must be stopped.
 */

import { sealingKeysOf } from '../src/app/sealing-keys.ts';
import { readToolEnv } from '../src/env.ts';
import { type RotateEncryptionProgress, rotateEncryption } from '../src/modules/tool-servers/secrets/rotate-encryption.ts';
import { createSealer } from '../src/platform/encryption/sealer.ts';
import { createLogger } from '../src/platform/lib/logger.ts';
import { createPrisma } from '../src/platform/postgres/prisma.ts';
import { openOwner } from './open-owner.ts';

const env = readToolEnv();

function printProgress({ tenants, resealed, failed }: RotateEncryptionProgress): void {
  process.stdout.write(`${tenants} tenants checked, ${resealed} configurations re-encrypted, ${failed} not decrypted\n`);
}

try {
  // Verifies the keys before it opens the database.
  if (env.DATABASE_URL && !env.SEALING_KEYS && !env.SEALING_KEYS_FILE) {
    throw new Error('SEALING_KEYS or SEALING_KEYS_FILE is required: set it to the keys of the servers');
  }
  const sealer = createSealer(await sealingKeysOf(env, createLogger('error')));
  const { database, close } = await openOwner(env);
  try {
    const prisma = createPrisma(database);
    const { failed } = await rotateEncryption({ pool: database.pool, database, prisma, sealer, onProgress: printProgress });
    await prisma.$disconnect();
    if (failed > 0)
      throw new Error(
        'some secrets cannot be decrypted because their key is missing. Add the key and repeat. Remove no keys before it succeeds.',
      );
  } finally {
    await close();
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
