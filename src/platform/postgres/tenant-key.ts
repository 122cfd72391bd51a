import { currentScope } from './request-scope.ts';

/** The composite key of an object of the tenant that the running work acts in, for Prisma's `findUnique`, `update` and `delete`. */
export function tenantKey(id: string): { tenantId_id: { tenantId: string; id: string } } {
  return { tenantId_id: { tenantId: currentScope().context.tenantId ?? '', id } };
}
