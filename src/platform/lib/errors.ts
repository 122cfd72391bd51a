/** What a caller can tell apart and act on. The same list is the GraphQL enum `ErrorCode`. */
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
  /** Where in the input the error is, such as `['input', 'slug']`. */
  path?: string[];
  /** Keep what the transaction wrote before the error, such as the revocation of a stolen session. */
  commit?: boolean;
  cause?: unknown;
}

/** An error whose message is written for the caller. Everything else is masked at the edge. */
export class DomainError extends Error {
  readonly code: ErrorCode;
  /** Where in the input. Not called `path`: graphql-js takes an error that has one for its own. */
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

/** Input that breaks a rule. Nothing was written. */
export class ValidationError extends DomainError {
  /** Every broken rule, the first of which is the error's own message and path. */
  readonly issues: { path: string[]; message: string }[];

  constructor(issues: { path: string[]; message: string }[]) {
    const first = issues[0] ?? { path: [], message: 'The input is not valid.' };
    super('VALIDATION_FAILED', first.message, { path: first.path });
    this.issues = issues;
  }

  /** A single broken rule. */
  static inputPath(path: string[], message: string): ValidationError {
    return new ValidationError([{ path, message }]);
  }
}

/** The object does not exist, or belongs to another tenant: the caller cannot tell which. */
export class NotFoundError extends DomainError {
  constructor(what: string, options?: DomainErrorOptions) {
    super('NOT_FOUND', `${what} was not found.`, options);
  }
}

/** Another object already holds what must be unique, or the object changed in the meantime. */
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

/** A password, token or invitation that does not open anything. */
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

/** No valid credential came with the request. Thrown to the top level, never part of a result union. */
export class UnauthenticatedError extends DomainError {
  constructor(message = 'Sign in or send an API key to do this.') {
    super('UNAUTHENTICATED', message);
  }
}

/** The credential is valid and lacks the right. Thrown to the top level, never part of a result union. */
export class ForbiddenError extends DomainError {
  constructor(message: string) {
    super('FORBIDDEN', message);
  }
}

/** A part of the system is away or full. Worth trying again. */
export class UnavailableError extends DomainError {
  constructor(message: string, options?: DomainErrorOptions) {
    super('UNAVAILABLE', message, options);
  }
}
