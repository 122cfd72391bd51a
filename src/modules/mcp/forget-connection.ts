import { afterCommit } from '../../db/context.ts';
import type { McpServices } from './services.ts';
import { type ConfiguredServer, connectionKey } from './target.ts';

/** Closes the connection that was opened under how a server was configured until now, once the change is there. */
export function forgetConnection({ mcp }: Pick<McpServices, 'mcp'>, before: ConfiguredServer): void {
  const key = connectionKey(before);
  afterCommit(() => mcp.forget(key));
}
