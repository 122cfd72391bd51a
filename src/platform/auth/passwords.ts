import { hash, verify } from '@node-rs/argon2';
import { ValidationError } from '../lib/errors.ts';

export const PASSWORD_MIN = 12;
export const PASSWORD_MAX = 200;

/** Argon2id with the parameters that OWASP recommends: 19 MiB, two passes, one lane. 2 is the const enum value of Argon2id. */
const COST = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

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

export function hashPassword(password: string): Promise<string> {
  return hash(password, COST);
}

/** Takes the same time with and without a hash, so that the time does not reveal whether an account exists. */
export async function verifyPassword(passwordHash: string | null | undefined, password: string): Promise<boolean> {
  dummyHash ??= hashPassword('decoy for accounts without a password');
  const matches = await verify(passwordHash ?? (await dummyHash), password.slice(0, PASSWORD_MAX + 1));
  return matches && passwordHash != null;
}
