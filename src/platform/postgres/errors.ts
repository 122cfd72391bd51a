import { ConflictError, DomainError, NotFoundError, UnavailableError, ValidationError } from '../lib/errors.ts';

interface SqlErrorParts {
  sqlState: string | undefined;
  constraint: string | undefined;
}

/** SQLSTATE classes after which the connection or the server is gone: connection exception, operator intervention. */
const UNAVAILABLE_STATES = /^(08|57P0)/;

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** Makes the error for the caller of one that a trigger or function of a module raised. */
export type SqlStateError = (cause: unknown) => DomainError;

const sqlStateErrors = new Map<string, SqlStateError>();

/**
 * Adds errors for the SQLSTATEs that a module raises. Throws for one that is registered already, and for one that PostgreSQL itself
 * may raise.
 */
export function registerSqlStates(added: Readonly<Record<string, SqlStateError>>): void {
  for (const sqlState of Object.keys(added)) {
    if (!/^AB\d{3}$/.test(sqlState))
      throw new Error(`the SQLSTATE ${sqlState} is not one of the application: AB and three digits`);
    if (sqlStateErrors.has(sqlState)) throw new Error(`the SQLSTATE ${sqlState} is registered twice`);
  }
  for (const [sqlState, toError] of Object.entries(added)) sqlStateErrors.set(sqlState, toError);
}

/** What the last line refuses where the API's own rules let something through. */
const REFUSED_VALUES: Record<string, string> = {
  '22001': 'A text is longer than it may be.',
  '22003': 'A number is larger than can be kept.',
  '22007': 'A moment has a form that cannot be kept.',
  '22008': 'A moment lies outside of what can be kept.',
  '22021': 'A text has a character that cannot be kept, such as NUL.',
  '22P02': 'A value has a form that cannot be kept.',
  '22P05': 'A text has a character that cannot be kept, such as NUL.',
};

/** Finds SQLSTATE and constraint in an error of pg, of the Prisma adapter, or of Prisma. */
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

/** The SQLSTATE of a database error, wherever it was wrapped. */
export function sqlStateOf(error: unknown): string | undefined {
  return sqlErrorParts(error).sqlState;
}

/** Whether the database refused a row because of a unique index. Its transaction cannot go on. */
export function isUniqueViolation(error: unknown): boolean {
  return sqlStateOf(error) === '23505' || field(error, 'code') === 'P2002';
}

/** Whether the connection that gave this error must not be used again. */
export function isConnectionError(error: unknown): boolean {
  const code = field(error, 'code');
  return typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code) || UNAVAILABLE_STATES.test(code);
}

/**
 * Tells the caller what the database refused, where the caller can act on it. Anything else comes back unchanged, to be
 * masked and logged at the edge.
 */
export function toDomainError(error: unknown): unknown {
  if (error instanceof DomainError) return error;
  const { sqlState } = sqlErrorParts(error);
  const prismaCode = field(error, 'code');
  const raised = sqlState === undefined ? undefined : sqlStateErrors.get(sqlState);
  if (raised) return raised(error);
  if (isUniqueViolation(error)) return new ConflictError('This already exists.', { cause: error });
  if (sqlState === '23503' || prismaCode === 'P2003') return new NotFoundError('An object this refers to', { cause: error });
  const refused = sqlState && REFUSED_VALUES[sqlState];
  if (refused) return new ValidationError([{ path: ['input'], message: refused }]);
  if (sqlState === '57014') return new UnavailableError('The request took too long and was stopped.', { cause: error });
  if (sqlState === '55P03' || sqlState === '40P01' || sqlState === '40001') {
    return new UnavailableError('Somebody else is changing the same thing. Try again.', { cause: error });
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
