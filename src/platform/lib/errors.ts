/** The codes of errors that a caller can act on. The GraphQL enum `ErrorCode` has the same values. */
export const errorCodes = [
  'VALIDATION_FAILED',
  'NOT_FOUND',
  'CONFLICT',
  'INVALID_CREDENTIALS',
  'TOKEN_INVALID',
  'RATE_LIMITED',
  'INVALID_STATE',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'UNAVAILABLE',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export interface DomainErrorOptions {
  /** The path of the invalid argument, such as `['input', 'slug']`. */
  path?: string[];
  /** Commits the writes of the transaction before the error, such as the revocation of a stolen session. @default false */
  commit?: boolean;
  cause?: unknown;
}

/** An error whose message is for the caller. The HTTP layer masks every other error. */
export class DomainError extends Error {
  readonly code: ErrorCode;
  /** The path in the input. Not named `path`: graphql-js treats an error with `path` as a GraphQLError. */
  readonly inputPath: string[] | undefined;
  readonly commit: boolean;

  constructor(code: ErrorCode, message: string, options: DomainErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.inputPath = options.path;
    this.commit = options.commit ?? false;
  }
}

/** The input is invalid. No data was written. */
export class ValidationError extends DomainError {
  /** Every violation. The error takes its message and path from the first. */
  readonly issues: { path: string[]; message: string }[];

  constructor(issues: { path: string[]; message: string }[]) {
    const first = issues[0] ?? { path: [], message: 'The input is not valid.' };
    super('VALIDATION_FAILED', first.message, { path: first.path });
    this.issues = issues;
  }

  /** An error with one violation. */
  static inputPath(path: string[], message: string): ValidationError {
    return new ValidationError([{ path, message }]);
  }
}

/** The object does not exist or belongs to another tenant. The caller cannot distinguish these. */
export class NotFoundError extends DomainError {
  constructor(what: string, options?: DomainErrorOptions) {
    super('NOT_FOUND', `${what} was not found.`, options);
  }
}

/** Another object already has the unique value, or the object has changed in the meantime. */
export class ConflictError extends DomainError {
  constructor(message: string, options?: DomainErrorOptions) {
    super('CONFLICT', message, options);
  }
}

/** The object is in a state that does not allow the action. */
export class InvalidStateError extends DomainError {
  constructor(message: string, options?: DomainErrorOptions) {
    super('INVALID_STATE', message, options);
  }
}

/** The password, token or other credential is not valid. */
export class AuthenticationError extends DomainError {
  constructor(code: 'INVALID_CREDENTIALS' | 'TOKEN_INVALID', message: string, options?: DomainErrorOptions) {
    super(code, message, options);
  }
}

/** Too many attempts. */
export class RateLimitedError extends DomainError {
  /** Seconds until the next attempt can succeed. */
  readonly retryAfterSeconds: number;

  constructor(message: string, retryAfterSeconds: number) {
    super('RATE_LIMITED', message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The request has no valid credential. A top-level error, never part of a result union. */
export class UnauthenticatedError extends DomainError {
  constructor(message = 'Sign in or send an API key to do this.') {
    super('UNAUTHENTICATED', message);
  }
}

/** The credential is valid but lacks a permission. A top-level error, never part of a result union. */
export class ForbiddenError extends DomainError {
  constructor(message: string) {
    super('FORBIDDEN', message);
  }
}

/** A part of the system is unreachable or overloaded. A retry can succeed. */
export class UnavailableError extends DomainError {
  constructor(message: string, options?: DomainErrorOptions) {
    super('UNAVAILABLE', message, options);
  }
}
