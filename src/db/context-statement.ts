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

/**
 * `set_config('role', …, true)` is SET LOCAL ROLE as a function, so one statement carries role, tenant and limits. As arguments of a
 * function all of them are evaluated, and no row has to be sent.
 */
function settingSql(settings: readonly string[]): string {
  return `SELECT WHERE num_nonnulls(${settings.join(', ')}) = 0`;
}

const ONE_STATEMENT_SETTINGS = [
  "set_config('role', 'agentbase_app', true)",
  "set_config('transaction_read_only', $5, true)",
  "set_config('statement_timeout', $1, true)",
  "set_config('app.tenant_id', $2, true)",
  "set_config('app.user_id', $3, true)",
  // An API key of somebody who runs the platform does not see what they see.
  "set_config('app.api_key_id', $4, true)",
];

export const ONE_STATEMENT_CONTEXT_SQL = settingSql(ONE_STATEMENT_SETTINGS);

export function oneStatementContextValues(context: DbContext, timeouts: Timeouts, readOnly: boolean): string[] {
  const { tenantId = '', userId = '', apiKeyId = '' } = context;
  return [String(timeouts.statementMs), tenantId, userId, apiKeyId, readOnly ? 'on' : 'off'];
}

/** The same for a batch that writes: its audit rows tell of the request, and it may have to wait for a lock. */
export const BATCH_CONTEXT_SQL = settingSql([
  ...ONE_STATEMENT_SETTINGS,
  "set_config('lock_timeout', $6, true)",
  "set_config('app.request_id', $7, true)",
  "set_config('app.ip', $8, true)",
  "set_config('app.user_agent', $9, true)",
]);

export function batchContextValues(context: DbContext, timeouts: Timeouts): string[] {
  const { requestId = '', ip = '' } = context;
  return [
    ...oneStatementContextValues(context, timeouts, context.readOnly === true),
    String(timeouts.lockMs),
    requestId,
    ip,
    userAgentOf(context),
  ];
}

/** As much of it as the audit log keeps. */
function userAgentOf({ userAgent = '' }: DbContext): string {
  return userAgent.slice(0, 512);
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
    setLocal('app.user_agent', userAgentOf(context)),
    // Read-only can be lifted by nothing once a transaction has taken its snapshot.
    ...(context.readOnly ? [setLocal('transaction_read_only', 'on')] : []),
  ].join(', ')}`;
}
