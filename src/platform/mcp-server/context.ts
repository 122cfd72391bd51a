import type { Permission } from '../auth/permissions.ts';
import type { RequestInfo, Viewer } from '../auth/viewer.ts';
import { ForbiddenError } from '../lib/errors.ts';
import type { Services } from '../module/services.ts';

/** The services that tools, resources and prompts get. */
export type McpServerServices = Omit<Services, 'auth' | 'mcp' | 'baseUrl'>;

/** Who asks. */
export interface McpCaller {
  viewer: Viewer;
  request: RequestInfo;
}

/** What one call has. It runs inside `runWithContext(dbContextOf(viewer, request))`. */
export interface McpContext extends McpServerServices, McpCaller {
  /** Ends when nobody waits for the answer any more. */
  signal: AbortSignal;
  /** Says how far the call has come, to a client that asked to be told. */
  progress(done: number, total?: number): Promise<void>;
}

export function can({ viewer }: McpCaller, access: Permission): boolean {
  return viewer.permissions.has(access);
}

/** Throws ForbiddenError. */
export function requirePermission(asker: McpCaller, access: Permission, what: string): void {
  if (!can(asker, access)) throw new ForbiddenError(`Your role or API key does not allow ${what}, which takes ${access}.`);
}
