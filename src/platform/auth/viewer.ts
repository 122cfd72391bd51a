import type { SessionContext } from '../postgres/request-scope.ts';
import type { Permission, Role } from './permissions.ts';

/** The sender of a request, as its credential identifies it. */
export interface Viewer {
  tenantId: string;
  /** The signed-in user, or the owner of the API key. */
  userId: string | undefined;
  apiKeyId: string | undefined;
  /** The session that issued the access token. */
  sessionId?: string | undefined;
  role: Role;
  permissions: ReadonlySet<Permission>;
  /** Time when the credential expires. */
  expiresAt: Date | undefined;
}

/** The origin of a request, for the audit log and the server log. */
export interface RequestInfo {
  requestId: string;
  ip: string | undefined;
  userAgent: string | undefined;
}

/**
 * A request whose credential is verified. All of its statements run with this one `dbContext` object: the database batches reads by the
 * identity of the object.
 */
export interface RequestContext {
  viewer: Viewer | null;
  request: RequestInfo;
  dbContext: SessionContext;
}

export function requestContextOf(viewer: Viewer | null, request: RequestInfo): RequestContext {
  return { viewer, request, dbContext: sessionContextOf(viewer, request) };
}

/** The session settings of the viewer's statements. The database makes the transactions of a VIEWER read-only. */
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
