import { importPKCS8, SignJWT } from 'jose';
import type { McpServerConfig } from '../../../generated/prisma/client.ts';
import type { AddressPolicy } from '../../../platform/egress/address-policy.ts';
import { AddressNotAllowedError, checkUrl } from '../../../platform/egress/check-url.ts';
import { ValidationError } from '../../../platform/lib/errors.ts';
import type { McpClientCredentials } from '../../../platform/mcp-client/endpoint.ts';
import type { SecretMap } from '../secrets/secrets.ts';

/** Supported signature algorithms. */
export const oauthAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'] as const;
export type OAuthAlgorithm = (typeof oauthAlgorithms)[number];

/** The content of `mcp_server_configs.oauth`: client credentials without the secret. */
export interface McpOAuth {
  issuer: string;
  clientId: string;
  scope?: string;
  /** Set for a client with a private key in place of a client secret. */
  algorithm?: OAuthAlgorithm;
}

/** Complete credentials with at most one secret. Without a secret, the stored one remains if issuer and client are unchanged. */
export interface McpOAuthInput {
  issuer: string;
  clientId: string;
  scope?: string | undefined;
  clientSecret?: string | undefined;
  privateKey?: string | undefined;
  algorithm?: OAuthAlgorithm | undefined;
}

export function oauthOf({ oauth }: Pick<McpServerConfig, 'oauth'>): McpOAuth | null {
  return oauth as McpOAuth | null;
}

export function credentialsOf(oauth: McpServerConfig['oauth'], secret: SecretMap): McpClientCredentials | undefined {
  const settings = oauthOf({ oauth });
  if (!settings) return undefined;
  const { algorithm, ...shared } = settings;
  const { clientSecret, privateKey } = secret;
  if (privateKey !== undefined && algorithm) return { kind: 'client_credentials', ...shared, privateKey, algorithm };
  return { kind: 'client_credentials', ...shared, clientSecret: clientSecret ?? '' };
}

/**
 * Validates credentials. Returns the columns to store and the secret to encrypt, which is undefined if the stored one remains. Throws
 * ValidationError, whose message contains no secret.
 */
export async function checkOAuth(
  input: McpOAuthInput,
  now: McpOAuth | null,
  policy: AddressPolicy,
): Promise<{ oauth: McpOAuth; secret: SecretMap | undefined }> {
  const invalid = (field: string, message: string) => ValidationError.inputPath(['input', 'oauth', field], message);
  const { issuer, clientId, scope, clientSecret, privateKey, algorithm } = input;
  try {
    if (checkUrl(issuer, policy).search) throw invalid('issuer', 'An issuer must not have a query string.');
  } catch (error) {
    if (error instanceof AddressNotAllowedError) throw invalid('issuer', error.message);
    throw error;
  }
  const oauth: McpOAuth = { issuer, clientId, ...(scope ? { scope } : {}) };
  if (clientSecret !== undefined) {
    if (privateKey !== undefined) throw invalid('privateKey', 'Give either `clientSecret` or `privateKey`, not both.');
    if (algorithm !== undefined) throw invalid('algorithm', 'Must not be given with `clientSecret`.');
    return { oauth, secret: { clientSecret } };
  }
  if (privateKey !== undefined) {
    if (algorithm === undefined) throw invalid('algorithm', 'Must be given with `privateKey`.');
    if (!(await signs(privateKey, algorithm))) {
      throw invalid('privateKey', `Must be a private key in PKCS #8 and PEM that signs with ${algorithm}.`);
    }
    return { oauth: { ...oauth, algorithm }, secret: { privateKey } };
  }
  // A stored secret must not be sent to another authorization server.
  if (!now || now.issuer !== issuer || now.clientId !== clientId) {
    throw invalid('clientSecret', 'Give `clientSecret` or `privateKey`: none is stored for this issuer and client.');
  }
  if (algorithm !== undefined && algorithm !== now.algorithm) {
    throw invalid('algorithm', 'Give `privateKey` again to change its algorithm.');
  }
  return { oauth: { ...oauth, ...(now.algorithm ? { algorithm: now.algorithm } : {}) }, secret: undefined };
}

async function signs(privateKey: string, algorithm: OAuthAlgorithm): Promise<boolean> {
  try {
    const key = await importPKCS8(privateKey, algorithm);
    await new SignJWT({}).setProtectedHeader({ alg: algorithm }).sign(key);
    return true;
  } catch {
    return false;
  }
}
