import pg from 'pg';
import type { DbContext } from './db-context.ts';

/** The role every statement of the application runs as. It owns nothing and cannot bypass row security. */
export const APPLICATION_ROLE = 'agentbase_app';

export interface Timeouts {
  /** Longest time of one statement, in milliseconds. */
  statementMs: number;
  /** Longest wait for a lock, in milliseconds. */
  lockMs: number;
  /** Longest pause between two statements of a transaction, in milliseconds. */
  idleInTransactionMs: number;
}

/** How much of what a client says it is goes into the audit log, in characters. */
const MAX_USER_AGENT = 512;

/** `set_config('role', …, true)` is SET LOCAL ROLE as a function, so one statement carries role, tenant and limits. */
export const ONE_STATEMENT_CONTEXT_SQL =
  "SELECT set_config('role', 'agentbase_app', true), set_config('transaction_read_only', $5, true), " +
  "set_config('statement_timeout', $1, true), set_config('app.tenant_id', $2, true), set_config('app.user_id', $3, true), " +
  // An API key of somebody who runs the platform does not see what they see.
  "set_config('app.api_key_id', $4, true)";

export function oneStatementContextValues(context: DbContext, timeouts: Timeouts, readOnly: boolean): string[] {
  const { tenantId = '', userId = '', apiKeyId = '' } = context;
  return [String(timeouts.statementMs), tenantId, userId, apiKeyId, readOnly ? 'on' : 'off'];
}

/** The same for statements that write, whose audit and events tell of the request, and which must not wait for a lock for ever. */
export const WRITE_CONTEXT_SQL =
  `${ONE_STATEMENT_CONTEXT_SQL}, set_config('lock_timeout', $6, true), set_config('app.request_id', $7, true), ` +
  "set_config('app.ip', $8, true), set_config('app.user_agent', $9, true)";

export function writeContextValues(context: DbContext, timeouts: Timeouts): string[] {
  const { requestId = '', ip = '', userAgent = '', readOnly = false } = context;
  return [
    ...oneStatementContextValues(context, timeouts, readOnly),
    String(timeouts.lockMs),
    requestId,
    ip,
    userAgent.slice(0, MAX_USER_AGENT),
  ];
}

function setLocal(name: string, value: string): string {
  return `set_config('${name}', ${pg.escapeLiteral(value)}, true)`;
}

/** BEGIN with the whole context, as one message of the simple protocol. */
export function beginSql(context: DbContext, timeouts: Timeouts): string {
  return `BEGIN; SELECT ${[
    setLocal('statement_timeout', String(timeouts.statementMs)),
    setLocal('lock_timeout', String(timeouts.lockMs)),
    setLocal('idle_in_transaction_session_timeout', String(timeouts.idleInTransactionMs)),
    setLocal('role', APPLICATION_ROLE),
  ].join(', ')}; ${applyContextSql(context)}`;
}

export function applyContextSql(context: DbContext): string {
  return `SELECT ${[
    setLocal('app.tenant_id', context.tenantId ?? ''),
    setLocal('app.user_id', context.userId ?? ''),
    setLocal('app.api_key_id', context.apiKeyId ?? ''),
    setLocal('app.request_id', context.requestId ?? ''),
    setLocal('app.ip', context.ip ?? ''),
    setLocal('app.user_agent', (context.userAgent ?? '').slice(0, MAX_USER_AGENT)),
    // Read-only can be lifted by nothing once a transaction has taken its snapshot.
    ...(context.readOnly ? [setLocal('transaction_read_only', 'on')] : []),
  ].join(', ')}`;
}
