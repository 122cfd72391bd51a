import type { Prisma } from '../../db/prisma.ts';
import type { McpResource, McpServer, McpServerConfig, McpTool, McpToolExecution } from '../../generated/prisma/client.ts';
import { NotFoundError } from '../../lib/errors.ts';

export function findMcpServers(prisma: Prisma, ids: string[]): Promise<McpServer[]> {
  return prisma.mcpServer.findMany({ where: { id: { in: ids } } });
}

export function findMcpServerConfigs(prisma: Prisma, ids: string[]): Promise<McpServerConfig[]> {
  return prisma.mcpServerConfig.findMany({ where: { id: { in: ids } } });
}

/** The tenant's configurations of these servers. */
export function findMcpServerConfigsOf(prisma: Prisma, serverIds: string[]): Promise<McpServerConfig[]> {
  return prisma.mcpServerConfig.findMany({ where: { serverId: { in: serverIds } } });
}

export function findMcpTools(prisma: Prisma, ids: string[]): Promise<McpTool[]> {
  return prisma.mcpTool.findMany({ where: { id: { in: ids } } });
}

export function findMcpResources(prisma: Prisma, ids: string[]): Promise<McpResource[]> {
  return prisma.mcpResource.findMany({ where: { id: { in: ids } } });
}

export function findMcpToolExecutions(prisma: Prisma, ids: string[]): Promise<McpToolExecution[]> {
  return prisma.mcpToolExecution.findMany({ where: { id: { in: ids } } });
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
