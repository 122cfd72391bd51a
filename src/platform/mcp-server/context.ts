import type { Permission } from '../auth/permissions.ts';
import type { RequestInfo, Viewer } from '../auth/viewer.ts';
import { ForbiddenError } from '../lib/errors.ts';
import type { Services } from '../module/services.ts';

/** The services of tools, resources and prompts. */
export type McpServerServices = Omit<Services, 'auth' | 'mcp' | 'baseUrl'>;

/** The sender of a request. */
export interface McpCaller {
  viewer: Viewer;
  request: RequestInfo;
}

/** Context of one call, which runs inside `runWithContext(dbContextOf(viewer, request))`. */
export interface McpContext extends McpServerServices, McpCaller {
  /** Aborts when the client cancels or disconnects, and when the call times out. */
  signal: AbortSignal;
  /** Sends a progress notification if the request has a progress token. */
  progress(done: number, total?: number): Promise<void>;
}

export function can({ viewer }: McpCaller, access: Permission): boolean {
  return viewer.permissions.has(access);
}

/** @throws ForbiddenError */
export function requirePermission(caller: McpCaller, access: Permission, what: string): void {
  if (!can(caller, access)) throw new ForbiddenError(`Your role or API key does not allow ${what}, which requires ${access}.`);
}
