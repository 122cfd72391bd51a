import { createHmac, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const FORMAT = /^ab_live_([0-9A-Za-z]{32})([0-9A-Za-z]{6})$/;

export const API_KEY_PREFIX = 'ab_live_';

/** How much of a secret is kept in the clear, to recognise it by. */
const VISIBLE = API_KEY_PREFIX.length + 4;

function checksum(random: string): string {
  let rest = crc32(random);
  let text = '';
  for (let place = 0; place < 6; place++) {
    text = ALPHABET.charAt(rest % 62) + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}

export interface ApiKeySecret {
  /** Shown once. */
  secret: string;
  /** The first characters, which may be shown again. */
  prefix: string;
}

/** A new secret: 190 random bits and a checksum, so that a typo is refused without a look-up. */
export function newApiKeySecret(): ApiKeySecret {
  const random = Array.from({ length: 32 }, () => ALPHABET.charAt(randomInt(62))).join('');
  const secret = API_KEY_PREFIX + random + checksum(random);
  return { secret, prefix: secret.slice(0, VISIBLE) };
}

/** Whether a credential means to be an API key rather than a JWT. */
export function looksLikeApiKey(credential: string): boolean {
  return credential.startsWith(API_KEY_PREFIX);
}

/** Whether it could be one of ours: its format and its checksum hold. */
export function isWellFormedApiKey(credential: string): boolean {
  const [, random = '', check = ''] = FORMAT.exec(credential) ?? [];
  return random !== '' && checksum(random) === check;
}

/** What is stored: useless without the pepper, which the database does not have. */
export function hashApiKey(secret: string, pepper: string): string {
  return createHmac('sha256', pepper).update(secret).digest('hex');
}
