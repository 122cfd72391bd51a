import { importPKCS8, SignJWT } from 'jose';
import type { McpServerConfig } from '../../../generated/prisma/client.ts';
import type { AddressPolicy } from '../../../platform/egress/address-policy.ts';
import { AddressNotAllowedError, checkUrl } from '../../../platform/egress/check-url.ts';
import { ValidationError } from '../../../platform/lib/errors.ts';
import type { McpClientCredentials } from '../../../platform/mcp-client/endpoint.ts';
import type { SecretMap } from '../secrets/secrets.ts';

/** What a private key may sign with. */
export const oauthAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'] as const;
export type OAuthAlgorithm = (typeof oauthAlgorithms)[number];

/** What `mcp_server_configs.oauth` holds: client credentials without their secret. */
export interface McpOAuth {
  issuer: string;
  clientId: string;
  scope?: string;
  /** Of a client that has a private key instead of a secret. */
  algorithm?: OAuthAlgorithm;
}

/** All of it, with one secret at most. Without any, the one that is sealed stays, if it is for the same issuer and client. */
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
 * What to keep, and the secret to seal: undefined for the one that is there. Throws ValidationError, which says nothing of the secret.
 */
export async function checkOAuth(
  input: McpOAuthInput,
  now: McpOAuth | null,
  policy: AddressPolicy,
): Promise<{ oauth: McpOAuth; secret: SecretMap | undefined }> {
  const refuse = (field: string, message: string) => ValidationError.inputPath(['input', 'oauth', field], message);
  const { issuer, clientId, scope, clientSecret, privateKey, algorithm } = input;
  try {
    if (checkUrl(issuer, policy).search) throw refuse('issuer', 'An issuer has no query.');
  } catch (error) {
    if (error instanceof AddressNotAllowedError) throw refuse('issuer', error.message);
    throw error;
  }
  const oauth: McpOAuth = { issuer, clientId, ...(scope ? { scope } : {}) };
  if (clientSecret !== undefined) {
    if (privateKey !== undefined) throw refuse('privateKey', 'A client has either a secret or a private key.');
    if (algorithm !== undefined) throw refuse('algorithm', 'Only a private key signs with an algorithm.');
    return { oauth, secret: { clientSecret } };
  }
  if (privateKey !== undefined) {
    if (algorithm === undefined) throw refuse('algorithm', 'A private key needs the algorithm it signs with.');
    if (!(await signs(privateKey, algorithm))) {
      throw refuse('privateKey', `Must be a private key in PKCS #8 and PEM that signs with ${algorithm}.`);
    }
    return { oauth: { ...oauth, algorithm }, secret: { privateKey } };
  }
  // What was sealed for one authorization server is not sent to another.
  if (!now || now.issuer !== issuer || now.clientId !== clientId) {
    throw refuse('clientSecret', 'A client secret or a private key is needed: none is kept for this issuer and client.');
  }
  if (algorithm !== undefined && algorithm !== now.algorithm) {
    throw refuse('algorithm', 'Another algorithm needs the private key again.');
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
