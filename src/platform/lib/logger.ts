import { type Logger, pino } from 'pino';

export type { Logger };

/** Keys whose values are redacted at the first three levels of a log record. */
const SECRETS = [
  'password',
  'secret',
  'token',
  'accessToken',
  'refreshToken',
  'authorization',
  'apiKey',
  'passwordHash',
  'keyHash',
  'tokenHash',
];

/** @param level `silent` writes nothing */
export function createLogger(level: string): Logger {
  return pino({
    level,
    base: null,
    redact: { paths: SECRETS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`, `req.headers.${key}`]), censor: '[redacted]' },
  });
}
