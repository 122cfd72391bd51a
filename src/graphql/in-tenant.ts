import { currentScope } from '../db/context.ts';

/** The key of an object of the viewer's tenant, for `findUnique` of a node type. */
export function inTenant(id: string): { tenantId_id: { tenantId: string; id: string } } {
  return { tenantId_id: { tenantId: currentScope().context.tenantId ?? '', id } };
}
