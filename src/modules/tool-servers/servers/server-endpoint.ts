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

/** Key of a connection in the pool. It changes with everything that affects the connection. */
export function connectionKey({ server, config }: ConfiguredServer): string {
  return `${config.tenantId}:${config.id}:${config.revision}:${server.updatedAt.getTime()}`;
}

/** The endpoint of a configured server. Throws PlaceholderError if the configuration does not satisfy the server. */
export async function endpointOf(
  configured: ConfiguredServer,
  { secrets, env, oauthSecret }: OpenedSecrets,
): Promise<McpEndpoint> {
  const { server, config } = configured;
  const values = config.config as Record<string, unknown>;
  await requireValidConfig(server.configSchema as JsonSchema, values);
  const { tenantId: owner } = config;
  const shared = { key: connectionKey(configured), owner, transport: server.transport, limits: limitsOf(config.limits) };
  if (server.transport === 'STDIO') {
    return { ...shared, command: server.command ?? '', args: fillPlaceholders(server.args, values), env };
  }
  const auth = credentialsOf(config.oauth, oauthSecret);
  return { ...shared, url: server.url ?? '', headers: secrets, ...(auth ? { auth } : {}) };
}

/** Validates again at each use, since the schema may have changed after the configuration was stored. */
async function requireValidConfig(schema: JsonSchema, values: Record<string, unknown>): Promise<void> {
  try {
    const [issue] = await validateJson(schema, values);
    if (issue)
      throw new PlaceholderError(
        `The configuration no longer satisfies \`configSchema\`: ${issue.path.join('.')}: ${issue.message}`,
      );
  } catch (error) {
    if (!(error instanceof UnusableSchemaError)) throw error;
    throw new PlaceholderError(`The \`configSchema\` of the server cannot be used: ${error.message}.`);
  }
}
/** Closes the connection of the previous configuration after the commit. */
export function closeStaleConnection({ mcp }: Pick<ToolServerServices, 'mcp'>, before: ConfiguredServer): void {
  const key = connectionKey(before);
  afterCommit(() => mcp.forget(key));
}
