import type { McpServerConfig } from '../../../generated/prisma/client.ts';
import type { Sealer } from '../../../platform/encryption/sealer.ts';

/** The encrypted columns of a configuration. */
export const sealedFields = ['secrets', 'env', 'oauthSecret'] as const;
export type SealedField = (typeof sealedFields)[number];
export type SecretMap = Record<string, string>;
export type OpenedSecrets = Record<SealedField, SecretMap>;

type Row = Pick<McpServerConfig, 'tenantId' | 'id'>;
export type SealedRow = Pick<McpServerConfig, keyof Row | SealedField>;

/** Decrypts the values of a column by their names. Throws SealedError. */
export async function openSecrets(sealer: Sealer, row: Row, field: SealedField, text: string | null): Promise<SecretMap> {
  if (text === null) return {};
  return JSON.parse(await sealer.open(text, { tenantId: row.tenantId, id: row.id, field })) as SecretMap;
}

/** Throws SealedError. */
export async function openAllSecrets(sealer: Sealer, row: SealedRow): Promise<OpenedSecrets> {
  return {
    secrets: await openSecrets(sealer, row, 'secrets', row.secrets),
    env: await openSecrets(sealer, row, 'env', row.env),
    oauthSecret: await openSecrets(sealer, row, 'oauthSecret', row.oauthSecret),
  };
}

/** Encrypts the values of a column. Returns the text for the column and the sorted names. */
export async function sealSecrets(sealer: Sealer, row: Row, field: SealedField, values: SecretMap) {
  const names = Object.keys(values).sort();
  if (names.length === 0) return { text: null, names, keyId: null };
  const { text, keyId } = await sealer.seal(JSON.stringify(values), { tenantId: row.tenantId, id: row.id, field });
  return { text, names, keyId };
}

/** Encrypts all secrets of a row. They are always written together, so that one key encrypts all of them. */
export async function sealAllSecrets(sealer: Sealer, row: Row, opened: OpenedSecrets) {
  const secrets = await sealSecrets(sealer, row, 'secrets', opened.secrets);
  const env = await sealSecrets(sealer, row, 'env', opened.env);
  const oauthSecret = await sealSecrets(sealer, row, 'oauthSecret', opened.oauthSecret);
  return {
    secrets: secrets.text,
    secretNames: secrets.names,
    env: env.text,
    envNames: env.names,
    oauthSecret: oauthSecret.text,
    sealedWith: secrets.keyId ?? env.keyId ?? oauthSecret.keyId,
  };
}
