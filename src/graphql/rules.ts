import { z } from 'zod';

/** Rules that several inputs share. The database holds the same ones as CHECK constraints. */
export const nameRule = z.string().trim().min(1, 'Must not be empty.').max(200, 'Must have at most 200 characters.');

export const slugRule = z
  .string()
  .max(63, 'Must have at most 63 characters.')
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'Must be lower-case letters, digits and single hyphens, such as `support-bot`.');

export const jsonObjectRule = z
  .record(z.string(), z.unknown())
  .refine((value) => JSON.stringify(value).length <= 65_536, 'Must have at most 64 KiB as JSON.');

export const jsonArrayRule = z
  .array(z.unknown())
  .max(200, 'Must have at most 200 items.')
  .refine((value) => JSON.stringify(value).length <= 262_144, 'Must have at most 256 KiB as JSON.');

export function textRule(max: number): z.ZodString {
  return z.string().max(max, `Must have at most ${max} characters.`);
}

export function intRule(min: number, max: number): z.ZodNumber {
  return z.number().int().min(min, `Must be at least ${min}.`).max(max, `Must be at most ${max}.`);
}
