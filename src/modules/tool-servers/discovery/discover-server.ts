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

/** What a server said of itself, or why it said nothing. */
export interface Discovery extends ConfiguredServer {
  /** Undefined where it could not be read. */
  tools: DiscoveredTool[] | undefined;
  resources: DiscoveredResource[] | undefined;
  problem: string | null;
}

/** Asks a configured server what it offers. Takes as long as the server does: never inside a transaction. */
export async function discoverServer(services: ToolServerServices, serverId: string): Promise<Discovery> {
  const { prisma, mcp } = services;
  const path = ['input', 'serverId'];
  const server = await McpServer.require(prisma, serverId, path);
  const config = await requireConfigOf(prisma, serverId, path);
  if (server.status === 'DISABLED') throw new InvalidStateError('The MCP server is disabled.', { path });
  const nothing: Discovery = { server, config, tools: undefined, resources: undefined, problem: null };
  let opened: OpenedSecrets;
  try {
    opened = await openAllSecrets(mcp.sealer, config);
  } catch (error) {
    if (error instanceof SealedError) return { ...nothing, problem: 'The secrets of the configuration cannot be read.' };
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
    const kept = tools.flatMap((tool) => discoveredToolOf(tool, now) ?? []);
    const distinct = [...new Map(kept.map((tool) => [tool.name, tool])).values()];
    const left = tools.length - distinct.length;
    const problems = [
      ...(left > 0 ? [`${left} of its tools are left out: too large to keep, or with a name that cannot be kept.`] : []),
      ...(typeof resources === 'string' ? [`Its resources cannot be listed. ${resources}`] : []),
    ];
    return {
      server,
      config,
      tools: distinct,
      resources: typeof resources === 'string' ? undefined : resources.flatMap((found) => discoveredResourceOf(found, now) ?? []),
      problem: problems.join(' ') || null,
    };
  } catch (error) {
    return { ...nothing, problem: problem(error) };
  }
}

/**
 * Keeps what was read. The first reading approves what it finds, in the name of whoever asked for it; what is new or has changed later
 * waits for somebody to approve it. Throws InvalidStateError where nothing could be read, and keeps why.
 */
export async function saveDiscovery(services: ToolServerServices, viewer: Viewer, reading: Discovery): Promise<McpServerConfig> {
  const { database, prisma } = services;
  const { id, serverId } = reading.config;
  await queryRows(database, sql`SELECT id FROM mcp_server_configs WHERE id = ${id}::uuid FOR NO KEY UPDATE`);
  const config = await requireConfigOf(prisma, serverId, ['input', 'serverId']);
  const server = await McpServer.require(prisma, serverId, ['input', 'serverId']);
  if (connectionKey({ server, config }) !== connectionKey(reading)) {
    throw new ConflictError('The server or its configuration changed while the server was read. Refresh again.', {
      path: ['input', 'serverId'],
    });
  }
  const isFirst = config.refreshedAt === null;
  if (reading.tools) await syncTools(prisma, config, reading.tools, isFirst ? viewer : undefined);
  if (reading.resources) await syncResources(prisma, config, reading.resources);
  const updated = await prisma.mcpServerConfig.update({
    where: tenantKey(id),
    data: { refreshError: reading.problem?.slice(0, 2_000) ?? null, ...(reading.tools ? { refreshedAt: new Date() } : {}) },
  });
  if (!reading.tools) {
    throw new InvalidStateError(`The server cannot be read. ${reading.problem}`, { path: ['input', 'serverId'], commit: true });
  }
  return updated;
}
