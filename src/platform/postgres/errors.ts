import { ConflictError, DomainError, NotFoundError, UnavailableError, ValidationError } from '../lib/errors.ts';

interface SqlErrorParts {
  sqlState: string | undefined;
  constraint: string | undefined;
}

/** SQLSTATE classes after which the connection is unusable: connection exception, operator intervention. */
const UNAVAILABLE_STATES = /^(08|57P0)/;

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** Converts an error raised by a trigger or function of a module to an error for the caller. */
export type SqlStateError = (cause: unknown) => DomainError;

const sqlStateErrors = new Map<string, SqlStateError>();

/**
 * Registers the errors for the SQLSTATEs of a module. Throws for an SQLSTATE that is already registered or outside the range AB000 to AB999.
 */
export function registerSqlStates(added: Readonly<Record<string, SqlStateError>>): void {
  for (const sqlState of Object.keys(added)) {
    if (!/^AB\d{3}$/.test(sqlState))
      throw new Error(`SQLSTATE ${sqlState} is outside the application's range: use AB and three digits`);
    if (sqlStateErrors.has(sqlState)) throw new Error(`SQLSTATE ${sqlState} is already registered: use another one`);
  }
  for (const [sqlState, toError] of Object.entries(added)) sqlStateErrors.set(sqlState, toError);
}

/** Messages for values that pass the validation of the API and that PostgreSQL rejects, by SQLSTATE. */
const REJECTED_VALUES: Record<string, string> = {
  '22001': 'A text is too long.',
  '22003': 'A number is out of range.',
  '22007': 'A date or time has an invalid format.',
  '22008': 'A date or time is out of range.',
  '22021': 'A text contains a character that cannot be stored, such as NUL.',
  '22P02': 'A value has an invalid format.',
  '22P05': 'A text contains a character that cannot be stored, such as NUL.',
};

/** Finds the SQLSTATE and the constraint in an error of pg, the Prisma adapter or Prisma. */
function sqlErrorParts(error: unknown): SqlErrorParts {
  for (let current: unknown = error, depth = 0; current && depth < 5; depth++) {
    const code = field(current, 'originalCode') ?? field(current, 'code');
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !/^P\d{4}$/.test(code)) {
      const constraint = field(current, 'constraint');
      return { sqlState: code, constraint: typeof constraint === 'string' ? constraint : undefined };
    }
    current = field(current, 'cause') ?? field(field(current, 'meta'), 'driverAdapterError');
  }
  return { sqlState: undefined, constraint: undefined };
}

/** The SQLSTATE of a database error, also of a wrapped one. */
export function sqlStateOf(error: unknown): string | undefined {
  return sqlErrorParts(error).sqlState;
}

/** Whether a unique index rejected the row. The transaction cannot continue. */
export function isUniqueViolation(error: unknown): boolean {
  return sqlStateOf(error) === '23505' || field(error, 'code') === 'P2002';
}

/** Whether the connection that threw this error must not be used again. */
export function isConnectionError(error: unknown): boolean {
  const code = field(error, 'code');
  return typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code) || UNAVAILABLE_STATES.test(code);
}

/**
 * Converts a database error that the caller can act on to a DomainError. Returns any other error unchanged; the HTTP layer masks and logs
 * it.
 */
export function toDomainError(error: unknown): unknown {
  if (error instanceof DomainError) return error;
  const { sqlState } = sqlErrorParts(error);
  const prismaCode = field(error, 'code');
  const raised = sqlState === undefined ? undefined : sqlStateErrors.get(sqlState);
  if (raised) return raised(error);
  if (isUniqueViolation(error)) return new ConflictError('This already exists.', { cause: error });
  if (sqlState === '23503' || prismaCode === 'P2003') return new NotFoundError('An object this refers to', { cause: error });
  const rejected = sqlState && REJECTED_VALUES[sqlState];
  if (rejected) return new ValidationError([{ path: ['input'], message: rejected }]);
  if (sqlState === '57014')
    return new UnavailableError('The request exceeded its time limit and was cancelled.', { cause: error });
  if (sqlState === '55P03' || sqlState === '40P01' || sqlState === '40001') {
    return new UnavailableError('Another request is changing the same object. Try again.', { cause: error });
  }
  if (sqlState === '53300' || (sqlState && UNAVAILABLE_STATES.test(sqlState)) || isUnreachable(error)) {
    return new UnavailableError('The database cannot be reached. Try again in a moment.', { cause: error });
  }
  return error;
}

const SOCKET_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ETIMEDOUT', 'P1001', 'P1002', 'P1017', 'P2024']);
const SOCKET_MESSAGES =
  /Connection terminated|connection error and is not queryable|Query read timeout|Can't reach database|Server has closed the connection/i;

function isUnreachable(error: unknown): boolean {
  for (let current: unknown = error, depth = 0; current && depth < 5; depth++) {
    const code = field(current, 'code');
    const message = field(current, 'message');
    if (typeof code === 'string' && SOCKET_CODES.has(code)) return true;
    if (typeof message === 'string' && SOCKET_MESSAGES.test(message)) return true;
    current = field(current, 'cause') ?? field(field(current, 'meta'), 'driverAdapterError');
  }
  return false;
}
