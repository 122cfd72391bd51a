import { type McpServerConfig, Prisma as PrismaTypes } from '../../../generated/prisma/client.ts';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import { newId } from '../../../platform/lib/ids.ts';
import type { Prisma } from '../../../platform/postgres/prisma.ts';
import { tenantKey } from '../../../platform/postgres/request-scope.ts';
import { type DiscoveredResource, type DiscoveredTool, hashOfTool } from './definition.ts';

function toolColumns({ name: _, inputSchema, outputSchema, annotations, ...texts }: DiscoveredTool) {
  return {
    ...texts,
    inputSchema: inputSchema as PrismaTypes.InputJsonObject,
    outputSchema: outputSchema === null ? PrismaTypes.DbNull : (outputSchema as PrismaTypes.InputJsonObject),
    annotations: annotations as PrismaTypes.InputJsonObject,
  };
}

/** Stores the tools of a server. @param approver approves all of them; without one, new and changed tools stay unapproved */
export async function syncTools(
  prisma: Prisma,
  { tenantId, id: configId }: McpServerConfig,
  tools: DiscoveredTool[],
  approver: Viewer | undefined,
): Promise<void> {
  const rows = await prisma.mcpTool.findMany({
    where: { configId },
    select: { id: true, name: true, definitionHash: true, offered: true },
  });
  const known = new Map(rows.map((row) => [row.name, row]));
  const approvalOf = (approvedHash: string) =>
    approver ? { approvedHash, approvedAt: new Date(), approvedById: approver.userId ?? null } : {};
  const added: PrismaTypes.McpToolCreateManyInput[] = [];
  for (const tool of tools) {
    const definitionHash = hashOfTool(tool);
    const row = known.get(tool.name);
    known.delete(tool.name);
    if (!row) {
      const { name } = tool;
      added.push({ ...toolColumns(tool), tenantId, id: newId(), configId, name, definitionHash, ...approvalOf(definitionHash) });
    } else if (approver || row.definitionHash !== definitionHash || !row.offered) {
      await prisma.mcpTool.update({
        where: tenantKey(row.id),
        data: { ...toolColumns(tool), definitionHash, offered: true, ...approvalOf(definitionHash) },
        select: { id: true },
      });
    }
  }
  if (added.length > 0) await prisma.mcpTool.createMany({ data: added });
  const gone = [...known.values()].filter(({ offered }) => offered).map(({ id }) => id);
  if (gone.length > 0) await prisma.mcpTool.updateMany({ where: { id: { in: gone } }, data: { offered: false } });
}

export async function syncResources(
  prisma: Prisma,
  { tenantId, id: configId }: McpServerConfig,
  resources: DiscoveredResource[],
): Promise<void> {
  const rows = await prisma.mcpResource.findMany({ where: { configId } });
  const known = new Map(rows.map((row) => [row.uri, row]));
  const added: PrismaTypes.McpResourceCreateManyInput[] = [];
  for (const resource of new Map(resources.map((one) => [one.uri, one])).values()) {
    const { uri, ...columns } = resource;
    const row = known.get(uri);
    known.delete(uri);
    if (!row) added.push({ ...columns, tenantId, id: newId(), configId, uri });
    else if (!row.offered || Object.entries(columns).some(([name, value]) => row[name as keyof typeof columns] !== value)) {
      const data = { ...columns, offered: true };
      await prisma.mcpResource.update({ where: tenantKey(row.id), data, select: { id: true } });
    }
  }
  if (added.length > 0) await prisma.mcpResource.createMany({ data: added });
  const gone = [...known.values()].filter(({ offered }) => offered).map(({ id }) => id);
  if (gone.length > 0) await prisma.mcpResource.updateMany({ where: { id: { in: gone } }, data: { offered: false } });
}
