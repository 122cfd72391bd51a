import { expect, test } from 'vitest';
import { newId } from '../../../src/platform/lib/ids.ts';
import { pick, type TestGraph, testGraph } from '../../testkit/graph.ts';
import { asViewer, contextOf, createTenant, type TestTenant } from '../../testkit/tenants.ts';

const STATES = ['ACTIVE', 'COMPLETED', 'FAILED', 'CANCELLED'] as const;
/** A condition that every conversation meets, so that the server counts rows. */
const ALWAYS = 'createdAfter: "2000-01-01T00:00:00Z"';

/** Compares maintained and actual counts, in total and by state. Throws if they differ. */
async function counted(graph: TestGraph, tenant: TestTenant): Promise<Record<string, number>> {
  const count = async (condition: string) => {
    const answer = await graph.execute(
      asViewer(tenant),
      `{ kept: conversations(first: 1, filter: { ${condition} }) { totalCount }
         there: conversations(first: 1, filter: { ${condition} ${ALWAYS} }) { totalCount } }`,
    );
    expect(pick<number>(answer, 'kept.totalCount')).toBe(pick<number>(answer, 'there.totalCount'));
    return pick<number>(answer, 'kept.totalCount');
  };
  const counts: Record<string, number> = { all: await count('') };
  for (const state of STATES) counts[state] = await count(`status: [${state}]`);
  expect(await count('status: [ACTIVE, FAILED, ACTIVE]')).toBe((counts.ACTIVE ?? 0) + (counts.FAILED ?? 0));
  expect(await count('status: []')).toBe(0);
  return counts;
}

/** Creates a conversation as the application does, in a transaction that `then` may abort. */
function begin(graph: TestGraph, tenant: TestTenant, then: () => void = () => {}): Promise<string> {
  const id = newId();
  return graph.database.transactionAs(contextOf(tenant), async () => {
    await graph.prisma.conversation.create({ data: { tenantId: tenant.id, id, agentId: tenant.idOf('agents') } });
    then();
    return id;
  });
}

test('maintains the conversation count under concurrent creates and ends', async () => {
  const graph = await testGraph();
  const [tenant, other] = [
    await createTenant(graph, { rows: ['agents', 'conversations'] }),
    await createTenant(graph, { rows: ['agents', 'conversations'] }),
  ];
  expect(await counted(graph, tenant)).toEqual({ all: 1, ACTIVE: 1, COMPLETED: 0, FAILED: 0, CANCELLED: 0 });

  const outcomes = await Promise.allSettled(
    Array.from({ length: 24 }, (_, n) =>
      begin(graph, tenant, () => {
        if (n % 4 === 0) throw new Error('given up');
      }),
    ),
  );
  const begun = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  expect(begun).toHaveLength(18);
  expect(await counted(graph, tenant)).toEqual({ all: 19, ACTIVE: 19, COMPLETED: 0, FAILED: 0, CANCELLED: 0 });

  await Promise.all(
    begun.slice(0, 9).map(async (id, n) => {
      const status = STATES[1 + (n % 3)];
      const answer = await graph.execute(
        asViewer(tenant),
        'mutation ($input: CompleteConversationInput!) { completeConversation(input: $input) { ... on CompleteConversationPayload { conversation { status } } } }',
        { input: { id, outcome: status } },
      );
      expect(pick(answer, 'completeConversation.conversation.status')).toBe(status);
    }),
  );
  expect(await counted(graph, tenant)).toEqual({ all: 19, ACTIVE: 10, COMPLETED: 3, FAILED: 3, CANCELLED: 3 });
  expect(await counted(graph, other)).toEqual({ all: 1, ACTIVE: 1, COMPLETED: 0, FAILED: 0, CANCELLED: 0 });
});

test('counts rows for filters without a maintained count', async () => {
  const graph = await testGraph();
  const tenant = await createTenant(graph, { rows: ['agents', 'conversations'] });
  await begin(graph, tenant);
  const count = async (filter: string) =>
    pick<number>(
      await graph.execute(asViewer(tenant), `{ conversations(filter: { ${filter} }) { totalCount } }`),
      'conversations.totalCount',
    );
  expect(await count('search: "no title says this"')).toBe(0);
  expect(await count(`agentId: "${tenant.idOf('agents')}", status: [ACTIVE]`)).toBe(2);
  expect(await count('status: [ACTIVE], createdBefore: "2000-01-01T00:00:00Z"')).toBe(0);
});

test('updates counts after deletes and deletes them with the tenant', async () => {
  const graph = await testGraph();
  const tenant = await createTenant(graph, { rows: ['agents', 'conversations'] });
  const id = await begin(graph, tenant);
  await graph.ownerQuery('DELETE FROM conversations WHERE tenant_id = $1 AND id = $2', [tenant.id, id]);
  expect(await counted(graph, tenant)).toEqual({ all: 1, ACTIVE: 1, COMPLETED: 0, FAILED: 0, CANCELLED: 0 });

  const rows = () => graph.ownerQuery('SELECT FROM conversation_counts WHERE tenant_id = $1', [tenant.id]);
  expect(await rows()).not.toEqual([]);
  await graph.ownerQuery('DELETE FROM tenants WHERE id = $1', [tenant.id]);
  expect(await rows()).toEqual([]);
});
