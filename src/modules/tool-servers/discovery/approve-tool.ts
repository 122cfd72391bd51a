import type { McpTool } from '../../../generated/prisma/client.ts';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import { ConflictError, InvalidStateError } from '../../../platform/lib/errors.ts';
import { tenantKey } from '../../../platform/postgres/request-scope.ts';
import { requireMcpTool } from '../read.ts';
import type { ToolServerServices } from '../services.ts';

type Services = Pick<ToolServerServices, 'prisma'>;

/**
 * Approves a tool as it is. @param definitionHash of the definition that was looked at: another one may have come in between
 */
export async function approveMcpTool({ prisma }: Services, viewer: Viewer, id: string, definitionHash: string): Promise<McpTool> {
  const tool = await requireMcpTool(prisma, id, ['input', 'id']);
  if (!tool.offered) throw new InvalidStateError('The server does not offer the tool any more.', { path: ['input', 'id'] });
  const approvedHash = definitionHash.toLowerCase();
  const { count } = await prisma.mcpTool.updateMany({
    where: { id, definitionHash: approvedHash },
    data: { approvedHash, approvedAt: new Date(), approvedById: viewer.userId ?? null },
  });
  if (count === 0) {
    throw new ConflictError('The tool is not what you looked at any more. Look at it again.', {
      path: ['input', 'definitionHash'],
    });
  }
  return requireMcpTool(prisma, id, ['input', 'id']);
}

export async function updateMcpTool(
  { prisma }: Services,
  id: string,
  changes: { enabled?: boolean | undefined; requiresApproval?: boolean | undefined },
): Promise<McpTool> {
  await requireMcpTool(prisma, id, ['input', 'id']);
  return prisma.mcpTool.update({ where: tenantKey(id), data: changes });
}
