/** Who acts, as the database sees it. Every field ends up in a transaction-local setting that policies and triggers read. */
export interface SessionContext {
  tenantId?: string | undefined;
  userId?: string | undefined;
  apiKeyId?: string | undefined;
  requestId?: string | undefined;
  ip?: string | undefined;
  userAgent?: string | undefined;
  /** The database refuses every write: viewers, and everything outside a transaction. */
  readOnly?: boolean | undefined;
}
