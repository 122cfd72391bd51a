import { expect, test } from 'vitest';
import { pick } from '../../../testkit/graph.ts';
import { asViewer } from '../../../testkit/tenants.ts';
import { createRunHarness, startRunWorker } from '../run-harness.ts';
import { barrier, reply, requestTool } from '../scripted-models.ts';

const ASK =
  'mutation ($id: ID!) { r: sendMessage(input: { conversationId: $id, content: "Go" }) { ... on SendMessagePayload { run { id } } } }';

/** Runs two steps for a member of a new tenant, and applies `change` between them. */
async function runWithChange(change: string) {
  const other = await createRunHarness();
  const { graph, tenant, models, agent, conversation } = other;
  const { id, model } = await agent({ tools: [{ name: 'calculator' }] });
  const go = barrier();
  models.script(
    model,
    async (request) => {
      await go.opened;
      return requestTool(['calculator', { expression: '1 + 1' }])(request);
    },
    reply('Two.'),
  );
  const member = asViewer(tenant, 'MEMBER');
  const worker = await startRunWorker(graph, other.changes);
  try {
    const sent = await graph.execute(member, ASK, { id: await conversation(id) });
    await expect.poll(() => models.requests.get(model)?.length).toBe(1);
    await graph.ownerQuery(change, [change.includes('tenants') ? tenant.id : member.userId]);
    go.open();
    return await other.untilRun(pick(sent, 'r.run.id'));
  } finally {
    await worker.close();
  }
}

test.each([
  ['a membership is suspended', "UPDATE memberships SET status = 'SUSPENDED' WHERE user_id = $1"],
  ['a role is lowered', "UPDATE memberships SET role = 'VIEWER' WHERE user_id = $1"],
  ['a user is suspended', "UPDATE users SET status = 'SUSPENDED' WHERE id = $1"],
  ['a tenant is suspended', "UPDATE tenants SET status = 'SUSPENDED' WHERE id = $1"],
])('fails a run with NOT_ALLOWED after %s during the run', async (_event, change) => {
  expect(await runWithChange(change)).toMatchObject({
    status: 'FAILED',
    errorCode: 'NOT_ALLOWED',
    iterations: 1,
    toolCalls: { nodes: [{ status: 'CANCELLED' }] },
  });
});
