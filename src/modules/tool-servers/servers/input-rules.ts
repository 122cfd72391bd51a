import { z } from 'zod';
import { intRule, listRule, textRule } from '../../../platform/graphql/kit/rules.ts';
import { limitBounds } from './limits.ts';

export const linkRule = textRule(2_048).regex(/^https?:\/\/[^\s]+$/, 'Must be a URL that begins with http:// or https://.');

export const commandRule = textRule(500)
  .min(1, 'Must not be empty.')
  .regex(/^[^\p{Cc}]*$/u, 'Must not contain control characters.');

export const argsRule = listRule(
  textRule(4_096).refine((text) => !text.includes('\0'), 'Must not contain the character NUL.'),
  100,
);

export const allowedUsersRule = listRule(z.string(), 1_000);

export const hashRule = z.string().regex(/^[0-9a-fA-F]{64}$/, 'Must be the `definitionHash` of the tool.');

export function limitRule(name: keyof typeof limitBounds) {
  return intRule(limitBounds[name].least, limitBounds[name].most);
}

/** VSCHAR of RFC 6749. */
const visible = /^[\x20-\x7e]+$/;

export const issuerRule = textRule(2_048).min(1, 'Must not be empty.');
export const clientIdRule = textRule(500).regex(visible, 'Must consist of printable ASCII characters.');
export const clientSecretRule = textRule(8_192).regex(visible, 'Must consist of printable ASCII characters.');
export const privateKeyRule = textRule(16_384).min(1, 'Must not be empty.');
export const scopeRule = textRule(1_000).regex(
  /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/,
  'Must be scope names separated by single spaces.',
);

/** Strings or null by name. Messages do not contain the values. */
const MAX_SECRETS = 100;

export const secretsRule = z
  .custom<object>((value) => Object.keys(value as object).length <= MAX_SECRETS, `Must have at most ${MAX_SECRETS} names.`)
  .pipe(
    z.record(
      z.string().max(100, 'A name must have at most 100 characters.'),
      z.string('Must be a non-empty string, or null to remove it.').nullable(),
    ),
  );
