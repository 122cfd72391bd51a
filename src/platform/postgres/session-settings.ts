import pg from 'pg';

/** The actor of a statement. Each field becomes a transaction-local setting that policies and triggers read. */
export interface SessionContext {
  tenantId?: string | undefined;
  userId?: string | undefined;
  apiKeyId?: string | undefined;
  requestId?: string | undefined;
  ip?: string | undefined;
  userAgent?: string | undefined;
  /** The database rejects every write: for viewers, and outside a transaction. */
  readOnly?: boolean | undefined;
}

/** The role that runs every statement of the application. It owns no object and cannot bypass row security. */
export const APPLICATION_ROLE = 'agentbase_app';

/** The role that runs the statements of the job queue. A migration creates it; the login of the server is a member of it. */
export const JOBS_ROLE = 'agentbase_jobs';

export interface Timeouts {
  /** Longest time of one statement, in milliseconds. */
  statementMs: number;
  /** Longest wait for a lock, in milliseconds. */
  lockMs: number;
  /** Longest pause between two statements of a transaction, in milliseconds. */
  idleInTransactionMs: number;
}

/**
 * SET LOCAL ROLE as a function, so that one statement sets role, tenant and limits. Changing the role and back is the most expensive part,
 * so the statement first checks it: a login that `db:migrate` has set up starts in this role.
 */
const ENTER_ROLE = `CASE WHEN current_user = '${APPLICATION_ROLE}' THEN '' ELSE set_config('role', '${APPLICATION_ROLE}', true) END`;

const ACTOR = [
  "set_config('app.tenant_id', $1, true)",
  "set_config('app.user_id', $2, true)",
  // The API key of a platform admin does not have the admin's access.
  "set_config('app.api_key_id', $3, true)",
];

/** PostgreSQL evaluates all arguments of the function and returns no row. */
function settingSql(settings: readonly string[]): string {
  return `SELECT WHERE num_nonnulls(${settings.join(', ')}) = 0`;
}

/** The statement that sets the context of a read-only transaction. */
export function readSettingsSql(timeouts: Timeouts): string {
  return settingSql([
    setLocal('transaction_read_only', 'on'),
    setLocal('statement_timeout', String(timeouts.statementMs)),
    ENTER_ROLE,
    ...ACTOR,
  ]);
}

export function readSettingsValues({ tenantId = '', userId = '', apiKeyId = '' }: SessionContext): string[] {
  return [tenantId, userId, apiKeyId];
}

/** The statement that sets the context of a batch. A batch can wait for a lock and writes audit rows, which record the request. */
export function batchSettingsSql(timeouts: Timeouts): string {
  return settingSql([
    "set_config('transaction_read_only', $4, true)",
    setLocal('statement_timeout', String(timeouts.statementMs)),
    setLocal('lock_timeout', String(timeouts.lockMs)),
    ENTER_ROLE,
    ...ACTOR,
    "set_config('app.request_id', $5, true)",
    "set_config('app.ip', $6, true)",
    "set_config('app.user_agent', $7, true)",
  ]);
}

export function batchSettingsValues(context: SessionContext): string[] {
  const { requestId = '', ip = '', readOnly } = context;
  return [...readSettingsValues(context), readOnly ? 'on' : 'off', requestId, ip, userAgentOf(context)];
}

/** Truncated to the length that the audit log stores. */
function userAgentOf({ userAgent = '' }: SessionContext): string {
  return userAgent.slice(0, 512);
}

function setLocal(name: string, value: string): string {
  return `set_config('${name}', ${pg.escapeLiteral(value)}, true)`;
}

/** BEGIN with the whole context, as one message of the simple protocol. */
export function beginSql(context: SessionContext, timeouts: Timeouts): string {
  return `BEGIN; SELECT ${[
    setLocal('statement_timeout', String(timeouts.statementMs)),
    setLocal('lock_timeout', String(timeouts.lockMs)),
    setLocal('idle_in_transaction_session_timeout', String(timeouts.idleInTransactionMs)),
    ENTER_ROLE,
  ].join(', ')}; ${applySettingsSql(context)}`;
}

export function applySettingsSql(context: SessionContext): string {
  return `SELECT ${[
    setLocal('app.tenant_id', context.tenantId ?? ''),
    setLocal('app.user_id', context.userId ?? ''),
    setLocal('app.api_key_id', context.apiKeyId ?? ''),
    setLocal('app.request_id', context.requestId ?? ''),
    setLocal('app.ip', context.ip ?? ''),
    setLocal('app.user_agent', userAgentOf(context)),
    // PostgreSQL does not allow a transaction to become writable after its first snapshot.
    ...(context.readOnly ? [setLocal('transaction_read_only', 'on')] : []),
  ].join(', ')}`;
}
