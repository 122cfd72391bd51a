import { expect, test } from 'vitest';
import { useRunHarness } from '../run-harness.ts';
import { barrier, neverReply, reply, requestTool } from '../scripted-models.ts';

const harness = useRunHarness();

test('aborts a streaming model call and stores the partial answer', async () => {
  const { models, agent, conversation, send, untilRun, change, run: read } = harness;
  const { id, model } = await agent();
  const stopped = barrier();
  models.script(model, async (request) => {
    try {
      return await neverReply('Once upon a ')(request);
    } finally {
      stopped.open();
    }
  });
  const talk = await conversation(id);
  const { run } = await send(talk, 'Tell me a story');
  await untilRun(run, 'RUNNING');
  await expect.poll(() => models.requests.get(model)?.length).toBe(1);
  expect(await change('cancelAgentRun', { id: run })).toMatchObject({ __typename: 'CancelAgentRunPayload' });
  await stopped.opened;
  const state = await untilRun(run);
  expect(state).toMatchObject({ status: 'CANCELLED', errorCode: null, output: null });
  expect(state.cancelRequestedAt).not.toBeNull();
  expect(state.llmCalls.nodes).toMatchObject([{ status: 'ERROR', errorCode: 'CANCELLED' }]);
  expect(state.messages.nodes).toMatchObject([{ role: 'ASSISTANT', content: 'Once upon a ', metadata: { partial: true } }]);
  // Cancelling a cancelled run has no effect; cancelling a completed one is an error.
  expect(await change('cancelAgentRun', { id: run })).toMatchObject({ __typename: 'CancelAgentRunPayload' });
  models.script(model, reply('Fine.'));
  const next = await send(talk, 'Never mind');
  await untilRun(next.run);
  expect(await change('cancelAgentRun', { id: next.run })).toMatchObject({
    code: 'INVALID_STATE',
    message: expect.stringContaining('completed'),
  });
  expect((await read(next.run)).status).toBe('COMPLETED');
});

test('aborts an active tool call and preserves the results of finished ones', async () => {
  const { models, agent, conversation, send, untilRun, change, knowledge, holds } = harness;
  const collection = await knowledge('Nothing of interest.');
  const begun = barrier();
  holds.set('stuck', () => {
    begun.open();
    return new Promise(() => {});
  });
  const { id, model } = await agent({ tools: [{ name: 'search_knowledge', collections: [collection] }, { name: 'calculator' }] });
  models.script(model, requestTool(['calculator', { expression: '1 + 1' }], ['search_knowledge', { query: 'stuck' }]));
  const talk = await conversation(id);
  const { run } = await send(talk, 'Go');
  await begun.opened;
  await expect.poll(async () => (await harness.run(run)).toolCalls.nodes[0]?.status).toBe('SUCCEEDED');
  await change('cancelAgentRun', { id: run });
  const state = await untilRun(run);
  expect(state.status).toBe('CANCELLED');
  expect(state.toolCalls.nodes.map(({ status }) => status)).toEqual(['SUCCEEDED', 'CANCELLED']);
  expect(state.messages.nodes.map(({ role }) => role)).toEqual(['ASSISTANT', 'TOOL']);
  models.script(model, reply('Here.'));
  await untilRun((await send(talk, 'Still there?')).run);
  expect(models.requests.get(model)?.at(-1)?.messages.slice(1, 3)).toMatchObject([
    { role: 'assistant' },
    { role: 'tool', toolResults: [{ isError: false }, { isError: true }] },
  ]);
});

test('cancels a queued run immediately and starts the next one in its place', async () => {
  const { models, agent, conversation, send, untilRun, change, run: read } = harness;
  const { id, model } = await agent();
  const go = barrier();
  models.script(
    model,
    async (request) => {
      await go.opened;
      return reply('One.')(request);
    },
    reply('Three.'),
  );
  const talk = await conversation(id);
  const [first, second, third] = [await send(talk, 'One'), await send(talk, 'Two'), await send(talk, 'Three')];
  await untilRun(first.run, 'RUNNING');
  await change('cancelAgentRun', { id: second.run });
  expect((await read(second.run)).status).toBe('CANCELLED');
  expect((await read(third.run)).status).toBe('QUEUED');
  go.open();
  expect(await untilRun(third.run)).toMatchObject({ status: 'COMPLETED', output: { text: 'Three.' } });
  expect(await untilRun(first.run)).toMatchObject({ status: 'COMPLETED', output: { text: 'One.' } });
});

test('cancels a run whose change notice was lost', async () => {
  const { graph, models, agent, conversation, send, untilRun } = harness;
  const { id, model } = await agent();
  models.script(model, neverReply());
  const { run } = await send(await conversation(id), 'Go');
  await untilRun(run, 'RUNNING');
  await graph.ownerQuery('UPDATE agent_runs SET cancel_requested_at = now() WHERE tenant_id = $1 AND status = $2', [
    harness.tenant.id,
    'RUNNING',
  ]);
  expect((await untilRun(run)).status).toBe('CANCELLED');
});
