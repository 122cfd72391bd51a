import type { McpServer, McpServerConfig } from '../../../generated/prisma/client.ts';
import type { McpEndpoint } from '../../../platform/mcp-client/endpoint.ts';
import { afterCommit } from '../../../platform/postgres/request-scope.ts';
import { type JsonSchema, UnusableSchemaError, validateJson } from '../json-schema/json-schema.ts';
import type { OpenedSecrets } from '../secrets/secrets.ts';
import type { ToolServerServices } from '../services.ts';
import { limitsOf } from './limits.ts';
import { credentialsOf } from './oauth.ts';
import { fillPlaceholders, PlaceholderError } from './placeholders.ts';

export interface ConfiguredServer {
  server: McpServer;
  config: McpServerConfig;
}

/** Connections of one key share everything: whatever changes how a server is reached makes another key. */
export function connectionKey({ server, config }: ConfiguredServer): string {
  return `${config.tenantId}:${config.id}:${config.revision}:${server.updatedAt.getTime()}`;
}

/** How to reach a configured server. Throws PlaceholderError where its configuration does not do. */
export async function endpointOf(
  configured: ConfiguredServer,
  { secrets, env, oauthSecret }: OpenedSecrets,
): Promise<McpEndpoint> {
  const { server, config } = configured;
  const values = config.config as Record<string, unknown>;
  await requireFitting(server.configSchema as JsonSchema, values);
  const { tenantId: owner } = config;
  const shared = { key: connectionKey(configured), owner, transport: server.transport, limits: limitsOf(config.limits) };
  if (server.transport === 'STDIO') {
    return { ...shared, command: server.command ?? '', args: fillPlaceholders(server.args, values), env };
  }
  const auth = credentialsOf(config.oauth, oauthSecret);
  return { ...shared, url: server.url ?? '', headers: secrets, ...(auth ? { auth } : {}) };
}

/** The schema may have changed since the configuration was written, and says what a command of the platform may be given. */
async function requireFitting(schema: JsonSchema, values: Record<string, unknown>): Promise<void> {
  try {
    const [issue] = await validateJson(schema, values);
    if (issue) throw new PlaceholderError(`The configuration does not fit any more: ${issue.path.join('.')}: ${issue.message}`);
  } catch (error) {
    if (!(error instanceof UnusableSchemaError)) throw error;
    throw new PlaceholderError(`The schema of the configuration cannot be used: ${error.message}.`);
  }
}
/** Closes the connection that was opened under how a server was configured until now, once the change is there. */
export function closeStaleConnection({ mcp }: Pick<ToolServerServices, 'mcp'>, before: ConfiguredServer): void {
  const key = connectionKey(before);
  afterCommit(() => mcp.forget(key));
}
