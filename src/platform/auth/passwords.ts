import { availableParallelism } from 'node:os';
import { hash, verify } from '@node-rs/argon2';
import { UnavailableError, ValidationError } from '../lib/errors.ts';
import { Semaphore } from '../lib/semaphore.ts';

export const PASSWORD_MIN = 12;
export const PASSWORD_MAX = 200;

/** Argon2id with the parameters that OWASP recommends: 19 MiB, two passes, one lane. 2 is the const enum value of Argon2id. */
const COST = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Four threads serve Argon2, files and DNS alike. One of them, and one core, always remain for other requests. */
const CONCURRENT = Math.max(1, Math.min(availableParallelism(), 4) - 1);

/** A hash takes tens of milliseconds, so the last one in the queue waits a few seconds. */
const MAX_WAITING = 100;

/** The slots of all password hashes of this process. */
export const passwordSlots = new Semaphore(CONCURRENT);

async function inSlot<T>(work: () => Promise<T>): Promise<T> {
  if (passwordSlots.waiting >= MAX_WAITING)
    throw new UnavailableError('Too many passwords are being checked at this moment. Try again in a few seconds.');
  return passwordSlots.run(work);
}

let dummyHash: Promise<string> | undefined;

/** Throws ValidationError for a password that is too short, too long or the e-mail address. */
export function checkPassword(password: string, email: string, path = ['input', 'password']): void {
  if (password.length < PASSWORD_MIN)
    throw ValidationError.inputPath(path, `The password must have at least ${PASSWORD_MIN} characters.`);
  if (password.length > PASSWORD_MAX)
    throw ValidationError.inputPath(path, `The password must have at most ${PASSWORD_MAX} characters.`);
  if (password.trim().toLowerCase() === email.trim().toLowerCase()) {
    throw ValidationError.inputPath(path, 'The password must not be the e-mail address.');
  }
}

/** Call it before a transaction: it waits for a slot. Throws UnavailableError if too many wait. */
export function hashPassword(password: string): Promise<string> {
  return inSlot(() => hash(password, COST));
}

/**
 * Takes the same time with and without a hash, so that the time does not reveal whether an account exists. Call it before a transaction:
 * it waits for a slot. Throws UnavailableError if too many wait.
 */
export async function verifyPassword(passwordHash: string | null | undefined, password: string): Promise<boolean> {
  dummyHash ??= hash('decoy for accounts without a password', COST);
  const expected = passwordHash ?? (await dummyHash);
  const matches = await inSlot(() => verify(expected, password.slice(0, PASSWORD_MAX + 1)));
  return matches && passwordHash != null;
}
