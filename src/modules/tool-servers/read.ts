import type { McpServer, McpServerConfig, McpTool } from '../../generated/prisma/client.ts';
import { requireFound } from '../../platform/lib/require-found.ts';
import type { Prisma } from '../../platform/postgres/prisma.ts';

/** The tenant's configurations of these servers. */
export function findMcpServerConfigsOf(prisma: Prisma, serverIds: string[]): Promise<McpServerConfig[]> {
  return prisma.mcpServerConfig.findMany({ where: { serverId: { in: serverIds } } });
}

/** Throws NotFoundError. */
export async function requireMcpServer(prisma: Prisma, id: string, path: string[]): Promise<McpServer> {
  return requireFound(prisma.mcpServer.findFirst({ where: { id } }), 'The MCP server', path);
}

/** The tenant's configuration of a server. Throws NotFoundError. */
export async function requireMcpServerConfig(prisma: Prisma, serverId: string, path: string[]): Promise<McpServerConfig> {
  return requireFound(prisma.mcpServerConfig.findFirst({ where: { serverId } }), 'A configuration of the MCP server', path);
}

/** Throws NotFoundError. */
export async function requireMcpTool(prisma: Prisma, id: string, path: string[]): Promise<McpTool> {
  return requireFound(prisma.mcpTool.findFirst({ where: { id } }), 'The MCP tool', path);
}
