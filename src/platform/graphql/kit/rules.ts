import { z } from 'zod';

/** Rules that several inputs share. The database has the same rules as CHECK constraints. */
export const nameRule = z.string().trim().min(1, 'Must not be empty.').max(200, 'Must have at most 200 characters.');

export const slugRule = z
  .string()
  .max(63, 'Must have at most 63 characters.')
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'Must be lower-case letters, digits and single hyphens, such as `support-bot`.');

const MAX_JSON_DEPTH = 64;

/** Whether a JSON value is small and flat enough to store. Iterates without recursion: a value may be deeper than the stack. */
function fits(value: unknown, maxLength: number): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_JSON_DEPTH) return false;
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []));
  }
  return (JSON.stringify(value) ?? '').length <= maxLength;
}

/** Not `z.record`, which checks each key: an object may have tens of thousands. */
function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export const jsonObjectRule = z
  .custom<Record<string, unknown>>(isObject, 'Must be a JSON object.')
  .refine((value) => fits(value, 65_536), `Must have at most 64 KiB as JSON and ${MAX_JSON_DEPTH} levels.`);

export const jsonRule = z
  .unknown()
  .refine((value) => fits(value, 262_144), `Must have at most 256 KiB as JSON and ${MAX_JSON_DEPTH} levels.`);

/** A list of at most so many items, each of which follows a rule. Counts the items before it checks them. */
export function listRule<Item extends z.ZodType>(item: Item, max: number) {
  return z
    .custom<z.input<Item>[]>((value) => Array.isArray(value) && value.length <= max, `Must have at most ${max} items.`)
    .pipe(z.array(item));
}

export const jsonArrayRule = listRule(z.unknown(), 200).refine(
  (value) => fits(value, 262_144),
  `Must have at most 256 KiB as JSON and ${MAX_JSON_DEPTH} levels.`,
);

export function textRule(max: number): z.ZodString {
  return z.string().max(max, `Must have at most ${max} characters.`);
}

export function intRule(min: number, max: number): z.ZodNumber {
  return z.number().int().min(min, `Must be at least ${min}.`).max(max, `Must be at most ${max}.`);
}
