import { z } from 'zod';
import { textRule } from '../../platform/graphql/kit/rules.ts';

/** The same form as the database's `app.is_email`. */
export const emailRule = z
  .string()
  .trim()
  .max(320, 'Must have at most 320 characters.')
  .regex(/^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$/, 'Must be an e-mail address.');

export const personNameRule = textRule(100);

/** Bounds the cost of hashing: a longer secret is rejected before it is hashed. */
export const secretRule = textRule(1_000);

export const tokenRule = textRule(8_192).min(1, 'Must not be empty.');

export const webAddressRule = z
  .url({ protocol: /^https?$/, error: 'Must be an http or https URL.' })
  .max(2_048, 'Must have at most 2048 characters.');
