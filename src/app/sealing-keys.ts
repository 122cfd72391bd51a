import { join } from 'node:path';
import type { Env } from '../env.ts';
import {
  ensureSealingKeyFile,
  fileSealingKeys,
  generateSealingKey,
  inlineSealingKeys,
  type SealingKeys,
  serializeSealingKeys,
} from '../platform/encryption/keys.ts';
import type { Logger } from '../platform/lib/logger.ts';
import type { WatchedFile } from '../platform/lib/watched-file.ts';

/** The keys of tenants' secrets: as configured, or generated into the data folder outside production. */
export async function sealingKeysOf(env: Env, log: Logger): Promise<WatchedFile<SealingKeys>> {
  if (env.SEALING_KEYS) return inlineSealingKeys(env.SEALING_KEYS);
  const isPersistent = !env.AGENTBASE_DATA_DIR.startsWith('memory://');
  const file = env.SEALING_KEYS_FILE ?? (isPersistent ? join(env.AGENTBASE_DATA_DIR, 'sealing-keys.json') : undefined);
  // In memory, like the database they belong to.
  if (!file) return inlineSealingKeys(serializeSealingKeys([generateSealingKey()]));
  // In production, the operator configures and creates the file.
  if (env.NODE_ENV !== 'production') await ensureSealingKeyFile(file);
  return fileSealingKeys(file, (error) => log.error({ err: error }, 'encryption key reload failed; previous keys stay in use'));
}
