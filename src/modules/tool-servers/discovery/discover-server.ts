import type { Viewer } from '../../../platform/auth/viewer.ts';
import { SealedError } from '../../../platform/encryption/sealer.ts';
import { ConflictError, InvalidStateError } from '../../../platform/lib/errors.ts';
import { McpCallError } from '../../../platform/mcp-client/errors.ts';
import { tenantKey } from '../../../platform/postgres/request-scope.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import { McpServer } from '../mcp-server.ts';
import { type McpServerConfig, requireConfigOf } from '../mcp-server-config.ts';
import { redactorOf } from '../secrets/redact.ts';
import { type OpenedSecrets, openAllSecrets } from '../secrets/secrets.ts';
import { PlaceholderError } from '../servers/placeholders.ts';
import { type ConfiguredServer, connectionKey, endpointOf } from '../servers/server-endpoint.ts';
import type { ToolServerServices } from '../services.ts';
import { type DiscoveredResource, type DiscoveredTool, discoveredResourceOf, discoveredToolOf } from './definition.ts';
import { syncResources, syncTools } from './sync-capabilities.ts';

/** The result of querying a server, or the reason why that failed. */
export interface Discovery extends ConfiguredServer {
  /** Undefined if they could not be listed. */
  tools: DiscoveredTool[] | undefined;
  resources: DiscoveredResource[] | undefined;
  problem: string | null;
}

/** Lists the tools and resources of a configured server. Must not run in a transaction, since the server can take arbitrarily long. */
export async function discoverServer(services: ToolServerServices, serverId: string): Promise<Discovery> {
  const { prisma, mcp } = services;
  const path = ['input', 'serverId'];
  const server = await McpServer.require(prisma, serverId, path);
  const config = await requireConfigOf(prisma, serverId, path);
  if (server.status === 'DISABLED') throw new InvalidStateError('The MCP server is disabled.', { path });
  const empty: Discovery = { server, config, tools: undefined, resources: undefined, problem: null };
  let opened: OpenedSecrets;
  try {
    opened = await openAllSecrets(mcp.sealer, config);
  } catch (error) {
    if (error instanceof SealedError) return { ...empty, problem: 'The secrets of the configuration cannot be decrypted.' };
    throw error;
  }
  const redactor = () => redactorOf(opened, mcp.tokensOf(connectionKey({ server, config })));
  const problem = (error: unknown): string => {
    if (error instanceof PlaceholderError || error instanceof McpCallError) return redactor().text(error.message);
    throw error;
  };
  try {
    const target = await endpointOf({ server, config }, opened);
    const clients = await mcp.clients();
    const tools = await clients.listTools(target);
    const resources = await clients.listResources(target).catch(problem);
    const now = redactor();
    const valid = tools.flatMap((tool) => discoveredToolOf(tool, now) ?? []);
    const distinct = [...new Map(valid.map((tool) => [tool.name, tool])).values()];
    const skipped = tools.length - distinct.length;
    const problems = [
      ...(skipped > 0 ? [`${skipped} of its tools were skipped: too large, or with an invalid or duplicate name.`] : []),
      ...(typeof resources === 'string' ? [`Its resources could not be listed. ${resources}`] : []),
    ];
    return {
      server,
      config,
      tools: distinct,
      resources: typeof resources === 'string' ? undefined : resources.flatMap((found) => discoveredResourceOf(found, now) ?? []),
      problem: problems.join(' ') || null,
    };
  } catch (error) {
    return { ...empty, problem: problem(error) };
  }
}

/**
 * Stores the result of a discovery. The first one approves all tools in the name of the viewer. Later ones leave new and changed tools
 * unapproved. Throws InvalidStateError if the tools could not be listed, and commits the reason in `refreshError`.
 */
export async function saveDiscovery(
  services: ToolServerServices,
  viewer: Viewer,
  discovery: Discovery,
): Promise<McpServerConfig> {
  const { database, prisma } = services;
  const { id, serverId } = discovery.config;
  await queryRows(database, sql`SELECT id FROM mcp_server_configs WHERE id = ${id}::uuid FOR NO KEY UPDATE`);
  const config = await requireConfigOf(prisma, serverId, ['input', 'serverId']);
  const server = await McpServer.require(prisma, serverId, ['input', 'serverId']);
  if (connectionKey({ server, config }) !== connectionKey(discovery)) {
    throw new ConflictError('The server or its configuration changed during the refresh. Call refreshMcpTools again.', {
      path: ['input', 'serverId'],
    });
  }
  const isFirst = config.refreshedAt === null;
  if (discovery.tools) await syncTools(prisma, config, discovery.tools, isFirst ? viewer : undefined);
  if (discovery.resources) await syncResources(prisma, config, discovery.resources);
  const updated = await prisma.mcpServerConfig.update({
    where: tenantKey(id),
    data: { refreshError: discovery.problem?.slice(0, 2_000) ?? null, ...(discovery.tools ? { refreshedAt: new Date() } : {}) },
  });
  if (!discovery.tools) {
    throw new InvalidStateError(`The tools of the server could not be listed. ${discovery.problem}`, {
      path: ['input', 'serverId'],
      commit: true,
    });
  }
  return updated;
}
