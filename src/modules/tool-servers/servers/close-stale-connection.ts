import { afterCommit } from '../../../platform/postgres/request-scope.ts';
import type { ToolServerServices } from '../services.ts';
import { type ConfiguredServer, connectionKey } from './server-endpoint.ts';

/** Closes the connection that was opened under how a server was configured until now, once the change is there. */
export function closeStaleConnection({ mcp }: Pick<ToolServerServices, 'mcp'>, before: ConfiguredServer): void {
  const key = connectionKey(before);
  afterCommit(() => mcp.forget(key));
}
