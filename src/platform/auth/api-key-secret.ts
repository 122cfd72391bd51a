import { createHmac, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const FORMAT = /^ab_live_([0-9A-Za-z]{32})([0-9A-Za-z]{6})$/;

export const API_KEY_PREFIX = 'ab_live_';

/** Length of the prefix that is stored in plain text to identify the key. */
const PREFIX_LENGTH = API_KEY_PREFIX.length + 4;

function checksum(random: string): string {
  let remainder = crc32(random);
  let text = '';
  for (let digit = 0; digit < 6; digit++) {
    text = ALPHABET.charAt(remainder % 62) + text;
    remainder = Math.floor(remainder / 62);
  }
  return text;
}

export interface ApiKeySecret {
  /** Returned once, by the mutation that creates the key. */
  secret: string;
  /** The first characters of the secret, which are not secret. */
  prefix: string;
}

/** A new secret: 190 random bits and a checksum, which rejects a typo without a lookup. */
export function newApiKeySecret(): ApiKeySecret {
  const random = Array.from({ length: 32 }, () => ALPHABET.charAt(randomInt(62))).join('');
  const secret = API_KEY_PREFIX + random + checksum(random);
  return { secret, prefix: secret.slice(0, PREFIX_LENGTH) };
}

/** Whether a credential has the prefix of an API key; others are JWTs. */
export function looksLikeApiKey(credential: string): boolean {
  return credential.startsWith(API_KEY_PREFIX);
}

/** Whether the format and the checksum are valid. */
export function isWellFormedApiKey(credential: string): boolean {
  const [, random = '', check = ''] = FORMAT.exec(credential) ?? [];
  return random !== '' && checksum(random) === check;
}

/** The hash that is stored. The pepper, which the database does not contain, makes it useless to a reader of the database. */
export function hashApiKey(secret: string, pepper: string): string {
  return createHmac('sha256', pepper).update(secret).digest('hex');
}
