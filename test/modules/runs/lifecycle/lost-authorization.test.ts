import { expect, test } from 'vitest';
import { pick } from '../../../testkit/graph.ts';
import { asViewer } from '../../../testkit/tenants.ts';
import { createRunHarness, startRunWorker } from '../run-harness.ts';
import { barrier, reply, requestTool } from '../scripted-models.ts';

const ASK =
  'mutation ($id: ID!) { r: sendMessage(input: { conversationId: $id, content: "Go" }) { ... on SendMessagePayload { run { id } } } }';

/** A tenant of its own, whose member asks for something that takes two rounds, and loses the right to in between. */
async function losing(change: string) {
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
  const ofMember = await startRunWorker(graph, other.changes);
  try {
    const sent = await graph.execute(member, ASK, { id: await conversation(id) });
    await expect.poll(() => models.requests.get(model)?.length).toBe(1);
    await graph.ownerQuery(change, [change.includes('tenants') ? tenant.id : member.userId]);
    go.open();
    return await other.untilRun(pick(sent, 'r.run.id'));
  } finally {
    await ofMember.close();
  }
}

test.each([
  ['whose membership is suspended', "UPDATE memberships SET status = 'SUSPENDED' WHERE user_id = $1"],
  ['whose role was made a smaller one', "UPDATE memberships SET role = 'VIEWER' WHERE user_id = $1"],
  ['whose account is not in use', "UPDATE users SET status = 'SUSPENDED' WHERE id = $1"],
  ['whose tenant is not in use', "UPDATE tenants SET status = 'SUSPENDED' WHERE id = $1"],
])('somebody %s while the run is at work has no more done', async (_who, change) => {
  expect(await losing(change)).toMatchObject({
    status: 'FAILED',
    errorCode: 'NOT_ALLOWED',
    iterations: 1,
    toolCalls: { nodes: [{ status: 'CANCELLED' }] },
  });
});
