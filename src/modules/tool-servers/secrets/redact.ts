import { cleanText } from '../../../platform/lib/text.ts';
import { redact, secretsOf } from '../../../platform/mcp-client/endpoint.ts';
import type { OpenedSecrets } from './secrets.ts';

export const REDACTED = '[redacted]';

/** Removes secrets from data for logs and clients, and characters that the database rejects. */
export interface Redactor {
  /** Replaces the values of secrets. */
  text(text: string): string;
  json(value: unknown): unknown;
  /** Also replaces values that look secret by their key. For stored data. */
  textForLog(text: string): string;
  jsonForLog(value: unknown): unknown;
}

const MAX_DEPTH = 60;

/** Matches keys without separators. Not `tokens`, which is a count. */
const SECRET_KEY =
  /password|passwd|passphrase|secret|authorization|apikey|accesskey|privatekey|signingkey|credential|cookie|bearer|token$|^(pwd|pin|otp|auth|jwt)$/;
/** `password=…`, `"api_key": "…"` in a text. Each part is bounded, so that matching takes linear time. */
const SECRET_IN_TEXT =
  /((?:password|passwd|passphrase|secret|api[_-]?key|access[_-]?key|private[_-]?key|credential|token)\\?["']?\s{0,5}[:=]\s{0,5})(\\?["'][^"'\\\r\n]{1,4096}|[^\s"'\\,;&(){}[\]]{1,4096})/gi;
/** Authentication schemes are not secret and occur in many texts. */
const SCHEME = /^(bearer|basic|digest)$/i;
/** Delimiters of PEM are not secret. */
const ARMOUR = /^(-----(BEGIN|END)|PRIVATE|KEY-----|-----(BEGIN|END) PRIVATE KEY-----)$/;
const SCHEME_IN_TEXT = /\b(bearer|basic)\s{1,5}[\w.~+/=-]{8,4096}/gi;

/** @param secrets decrypted values by name */
export function createRedactor(...secrets: Readonly<Record<string, string>>[]): Redactor {
  const values = new Set(secrets.flatMap((map) => Object.values(map)).filter((value) => value !== ''));
  const spellings = secrets.flatMap((map) => spellingsOf(secretsOf({ env: map })));
  const found = [...new Set(spellings)].sort((a, b) => b.length - a.length);

  // A secret that is too short to search for in texts is still redacted where it is the whole text.
  const text = (given: string): string => (values.has(given) ? REDACTED : cleanText(redact(given, found)));
  const textForLog = (given: string): string =>
    text(given)
      .replaceAll(SCHEME_IN_TEXT, `$1 ${REDACTED}`)
      .replaceAll(SECRET_IN_TEXT, (_all, key: string, value: string) => `${key}${/^\\?["']?/.exec(value)?.[0] ?? ''}${REDACTED}`);

  return {
    text,
    textForLog,
    json: (value) => walk(value, text, () => false),
    jsonForLog: (value) => walk(value, textForLog, isSecretKey),
  };
}

/** @param tokens access tokens that were obtained with the secrets */
export function redactorOf(opened: OpenedSecrets | undefined, tokens: readonly string[] = []): Redactor {
  return createRedactor(...(opened ? Object.values(opened) : []), Object.fromEntries(tokens.entries()));
}

function isSecretKey(key: string): boolean {
  return SECRET_KEY.test(key.toLowerCase().replaceAll(/[^a-z0-9]/g, ''));
}

function walk(value: unknown, text: (given: string) => string, hides: (key: string) => boolean, depth = 0): unknown {
  if (typeof value === 'string') return text(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return '…';
  if (Array.isArray(value)) return value.map((item) => walk(item, text, hides, depth + 1));
  const entries = Object.entries(value).map(([key, item]): [string, unknown] => {
    const isHidden = hides(key) && item !== null && typeof item !== 'boolean';
    return [text(key), isHidden ? REDACTED : walk(item, text, hides, depth + 1)];
  });
  return Object.fromEntries(entries);
}

/** Encodings of a secret: plain, JSON, URL and base64. */
function spellingsOf(secrets: readonly string[]): string[] {
  const distinctive = secrets.filter((secret) => !SCHEME.test(secret) && !ARMOUR.test(secret));
  return distinctive.flatMap((secret) => {
    const bytes = Buffer.from(secret);
    return [
      secret,
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(secret.toWellFormed()),
      bytes.toString('base64'),
      bytes.toString('base64').replace(/=+$/, ''),
      bytes.toString('base64url'),
    ];
  });
}
