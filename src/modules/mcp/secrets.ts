import type { McpServerConfig } from '../../generated/prisma/client.ts';
import type { Sealer } from '../../sealing/sealer.ts';

/** The two sealed columns of a configuration. */
export type SealedField = 'secrets' | 'env';
export type SecretMap = Record<string, string>;

type Row = Pick<McpServerConfig, 'tenantId' | 'id'>;

/** The values of a sealed column by their names. Throws SealedError. */
export async function openSecrets(sealer: Sealer, row: Row, field: SealedField, text: string | null): Promise<SecretMap> {
  if (text === null) return {};
  return JSON.parse(await sealer.open(text, { tenantId: row.tenantId, id: row.id, field })) as SecretMap;
}

/** What to write into a sealed column and the one of its names. */
export async function sealSecrets(sealer: Sealer, row: Row, field: SealedField, values: SecretMap) {
  const names = Object.keys(values).sort();
  if (names.length === 0) return { text: null, names, keyId: null };
  const { text, keyId } = await sealer.seal(JSON.stringify(values), { tenantId: row.tenantId, id: row.id, field });
  return { text, names, keyId };
}
