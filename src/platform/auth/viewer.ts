import type { SessionContext } from '../postgres/request-scope.ts';
import type { Permission, Role } from './permissions.ts';

/** Who sent a request, resolved once from its credential. */
export interface Viewer {
  tenantId: string;
  /** The person, or the owner of the API key. */
  userId: string | undefined;
  apiKeyId: string | undefined;
  /** The sign-in that the token descends from, where it came from one. */
  sessionId?: string | undefined;
  role: Role;
  permissions: ReadonlySet<Permission>;
  /** When the credential itself ends, if it does. */
  expiresAt: Date | undefined;
}

/** Where a request came from, for the audit log and the log. */
export interface RequestInfo {
  requestId: string;
  ip: string | undefined;
  userAgent: string | undefined;
}

/**
 * A request whose credential is verified. Everything it does runs as this one `dbContext` object: the database batches reads by the
 * object's identity.
 */
export interface RequestContext {
  viewer: Viewer | null;
  request: RequestInfo;
  dbContext: SessionContext;
}

export function requestContextOf(viewer: Viewer | null, request: RequestInfo): RequestContext {
  return { viewer, request, dbContext: sessionContextOf(viewer, request) };
}

/** What the database is told of them. A VIEWER's transactions are read-only in the database as well. */
export function sessionContextOf(viewer: Viewer | null, request: RequestInfo): SessionContext {
  return {
    tenantId: viewer?.tenantId,
    userId: viewer?.userId,
    apiKeyId: viewer?.apiKeyId,
    readOnly: viewer?.role === 'VIEWER',
    requestId: request.requestId,
    ip: request.ip,
    userAgent: request.userAgent,
  };
}
