import { z } from 'zod';

/** The languages PostgreSQL can cut to their stems. The table's CHECK holds the same list. */
export const languages = [
  'simple',
  'arabic',
  'armenian',
  'basque',
  'catalan',
  'danish',
  'dutch',
  'english',
  'finnish',
  'french',
  'german',
  'greek',
  'hindi',
  'hungarian',
  'indonesian',
  'irish',
  'italian',
  'lithuanian',
  'nepali',
  'norwegian',
  'portuguese',
  'romanian',
  'russian',
  'serbian',
  'spanish',
  'swedish',
  'tamil',
  'turkish',
  'yiddish',
] as const;

export const languageRule = z.enum(languages, `Must be one of ${languages.join(', ')}.`);

export const queryRule = z.string().trim().min(1, 'Must not be empty.').max(4_000, 'Must have at most 4000 characters.');

export const weightRule = z.number().min(0, 'Must be at least 0.').max(100, 'Must be at most 100.');

export const ratioRule = z.number().min(0, 'Must be at least 0.').max(1, 'Must be at most 1.');
