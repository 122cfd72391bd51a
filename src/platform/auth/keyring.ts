import { type CryptoKey, createLocalJWKSet, exportJWK, generateKeyPair, importJWK, type JSONWebKeySet, type JWK } from 'jose';
import { newId } from '../lib/ids.ts';

/** Accepted signature algorithms. None is symmetric, and `none` is rejected. */
export const SIGNATURE_ALGORITHMS = ['EdDSA', 'ES256', 'RS256'];

export interface SigningKey {
  key: CryptoKey;
  kid: string;
  alg: string;
}

export type KeyResolver = ReturnType<typeof createLocalJWKSet>;

/** The server's own keys. The first one signs; all of them verify, so that tokens stay valid across a rotation. */
export interface Keyring {
  signingKey(): Promise<SigningKey>;
  /** Resolves the public key that the header of a token names. */
  resolver(): Promise<KeyResolver>;
  /** The public keys, as published. */
  publicKeys(): Promise<JSONWebKeySet>;
  /** Reloads the keys immediately. */
  reload(): Promise<void>;
}

export interface LoadedKeys {
  signing: SigningKey;
  resolver: KeyResolver;
  published: JSONWebKeySet;
}

/** A new private key as a JWK, ready for a key set. */
export async function generateSigningKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  return { ...(await exportJWK(privateKey)), kid: newId(), alg: 'EdDSA', use: 'sig' };
}

/** The public part of a key. An allowlist of members excludes the private members of every key type. */
export function publicKeyOf({ kty, crv, x, y, n, e, kid, alg }: JWK): JWK {
  const members = { kty, crv, x, y, n, e, kid, alg, use: 'sig' };
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as JWK;
}

/** Parses a private JWKS and checks that each key can sign. Errors identify a key by its kid and never contain key material. */
export function parseKeySet(text: string): JWK[] {
  let keys: unknown;
  try {
    keys = (JSON.parse(text) as { keys?: unknown } | null)?.keys;
  } catch {
    throw new Error('the signing keys are not JSON: expected a private JWKS such as `npm run keys:generate` prints');
  }
  if (!Array.isArray(keys) || keys.length === 0) throw new Error('the signing keys contain no key: expected {"keys":[…]}');
  const kids = new Set<string>();
  for (const key of keys as JWK[]) {
    if (!key.kid || kids.has(key.kid)) throw new Error('every signing key needs a unique kid');
    kids.add(key.kid);
    if (!key.alg || !SIGNATURE_ALGORITHMS.includes(key.alg)) {
      throw new Error(`signing key ${key.kid} needs an alg, one of ${SIGNATURE_ALGORITHMS.join(', ')}`);
    }
    if (!key.d) throw new Error(`signing key ${key.kid} has no private part`);
  }
  return keys as JWK[];
}

export async function loadKeys(text: string): Promise<LoadedKeys> {
  const keys = parseKeySet(text);
  const imported = await Promise.all(
    keys.map(async (jwk) => ({ key: (await importJWK(jwk, jwk.alg)) as CryptoKey, kid: jwk.kid ?? '', alg: jwk.alg ?? '' })),
  );
  const [signing] = imported;
  if (!signing) throw new Error('the signing keys contain no key');
  const published = { keys: keys.map(publicKeyOf) };
  return { signing, resolver: createLocalJWKSet(published), published };
}

/**
 * A keyring of fixed keys, as in AUTH_KEYS. To rotate across processes, first deploy with the new key last in the set, then with the new
 * key first, and remove the old key when its tokens have expired.
 */
export async function inlineKeyring(text: string): Promise<Keyring> {
  const keys = await loadKeys(text);
  return {
    signingKey: async () => keys.signing,
    resolver: async () => keys.resolver,
    publicKeys: async () => keys.published,
    reload: async () => {},
  };
}
