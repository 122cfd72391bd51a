import type { McpTool } from '../../../generated/prisma/client.ts';

/**
 * What became of a tool since somebody looked at it. Only APPROVED ones are called: NEW ones nobody has approved yet, CHANGED ones are
 * not what was approved any more, WITHDRAWN ones the server no longer offers.
 */
export type McpToolStatus = 'APPROVED' | 'CHANGED' | 'NEW' | 'WITHDRAWN';

export function toolStatusOf({
  offered,
  approvedHash,
  definitionHash,
}: Pick<McpTool, 'offered' | 'approvedHash' | 'definitionHash'>): McpToolStatus {
  if (!offered) return 'WITHDRAWN';
  if (approvedHash === null) return 'NEW';
  return approvedHash === definitionHash ? 'APPROVED' : 'CHANGED';
}
