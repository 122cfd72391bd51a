import type { Prisma } from '../../db/prisma.ts';
import type { McpServer, McpServerConfig, McpTool } from '../../generated/prisma/client.ts';
import { NotFoundError } from '../../lib/errors.ts';

/** The tenant's configurations of these servers. */
export function findMcpServerConfigsOf(prisma: Prisma, serverIds: string[]): Promise<McpServerConfig[]> {
  return prisma.mcpServerConfig.findMany({ where: { serverId: { in: serverIds } } });
}

/** Throws NotFoundError. */
export async function requireMcpServer(prisma: Prisma, id: string, path: string[]): Promise<McpServer> {
  const server = await prisma.mcpServer.findFirst({ where: { id } });
  if (!server) throw new NotFoundError('The MCP server', { path });
  return server;
}

/** The tenant's configuration of a server. Throws NotFoundError. */
export async function requireMcpServerConfig(prisma: Prisma, serverId: string, path: string[]): Promise<McpServerConfig> {
  const config = await prisma.mcpServerConfig.findFirst({ where: { serverId } });
  if (!config) throw new NotFoundError('A configuration of the MCP server', { path });
  return config;
}

/** Throws NotFoundError. */
export async function requireMcpTool(prisma: Prisma, id: string, path: string[]): Promise<McpTool> {
  const tool = await prisma.mcpTool.findFirst({ where: { id } });
  if (!tool) throw new NotFoundError('The MCP tool', { path });
  return tool;
}
