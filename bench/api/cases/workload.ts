import { randomNumbers, type TenantOwner, zipfIndexes } from '../fixtures/tenants.ts';
import type { Request } from '../measure/load.ts';
import { type Dialect, FULL, NEW_UUID, OPERATIONS, type OperationInput, type OperationName, type Sizes } from './operations.ts';

/** Number of requests of each operation. A load run repeats them in order. */
const ITEMS = 1_500;

export interface WorkItem extends OperationInput {
  /** Index of the tenant, and so of its credential. */
  tenantIndex: number;
}

export type Workload = Record<OperationName, WorkItem[]>;

/**
 * The requests, equal for all servers and runs. A tenant occurs in proportion to its size.
 * @param options.only restricts them to the n largest tenants
 */
export function makeWorkload(tenants: TenantOwner[], options: { only?: number; sizes?: Sizes; count?: number } = {}): Workload {
  const { only = tenants.length, sizes = FULL, count = ITEMS } = options;
  const entries = OPERATIONS.map(({ name }, index) => {
    const random = randomNumbers(index + 1);
    const pick = zipfIndexes(tenants.slice(0, only), random);
    const one = (): WorkItem => {
      const tenantIndex = pick();
      const { tenantId, ownerId: userId, longConversations, activeConversations } = tenants[tenantIndex] as TenantOwner;
      const conversations = name === 'append' ? activeConversations : longConversations;
      const conversationId = conversations[Math.floor(random() * conversations.length)];
      // Some of the smallest tenants have no active conversation.
      return conversationId ? { tenantIndex, tenantId, userId, conversationId, sizes } : one();
    };
    return [name, Array.from({ length: count }, one)];
  });
  return Object.fromEntries(entries) as Workload;
}

/** A text that every correct response contains. */
function expectedText(operation: OperationName, { conversationId, tenantId }: OperationInput): string {
  if (operation === 'append') return NEW_UUID;
  if (operation === 'dashboard') return tenantId;
  return operation === 'flat' || operation === 'nested' ? 'createdAt' : conversationId;
}

/** Requests of one operation to one server. */
export function requestsOf(dialect: Dialect, operation: OperationName, items: WorkItem[], credentials: string[]): Request[] {
  return items.map((input) => ({
    authorization: `Bearer ${credentials[input.tenantIndex]}`,
    body: JSON.stringify(dialect.bodyOf(operation, input)),
    expect: expectedText(operation, input),
  }));
}
