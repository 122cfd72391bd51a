import { expect, test } from 'vitest';
import { useRunHarness } from '../run-harness.ts';
import { barrier, neverReply, reply, requestTool } from '../scripted-models.ts';

const harness = useRunHarness();

test('answers messages in order, each with the earlier answers in the prompt', async () => {
  const { models, agent, conversation, send, untilRun, run: read } = harness;
  const { id, model } = await agent();
  const go = barrier();
  models.script(
    model,
    async (request) => {
      await go.opened;
      return reply('First.')(request);
    },
    reply('Second.'),
    reply('Third.'),
  );
  const talk = await conversation(id);
  const runs = [];
  for (const text of ['One', 'Two', 'Three']) runs.push((await send(talk, text)).run);
  const [first, second, third] = runs as [string, string, string];
  await untilRun(first, 'RUNNING');
  expect([(await read(second)).status, (await read(third)).status]).toEqual(['QUEUED', 'QUEUED']);
  go.open();
  await untilRun(third);
  const asked = models.requests
    .get(model)
    ?.map(({ messages }) => messages.map((message) => ('text' in message ? message.text : '')));
  expect(asked).toEqual([['One'], ['One', 'First.', 'Two'], ['One', 'First.', 'Two', 'Second.', 'Three']]);
});

test('executes runs of two conversations of one agent concurrently', async () => {
  const { models, agent, conversation, send, untilRun } = harness;
  const { id, model } = await agent();
  models.script(model, neverReply(), reply('Free.'));
  const stuck = await send(await conversation(id), 'Wait');
  await untilRun(stuck.run, 'RUNNING');
  await expect.poll(() => models.requests.get(model)?.length).toBe(1);
  expect(await untilRun((await send(await conversation(id), 'Go')).run)).toMatchObject({ output: { text: 'Free.' } });
  await harness.change('cancelAgentRun', { id: stuck.run });
  await untilRun(stuck.run);
});

test('cancels the active run for a new message where whenBusy is INTERRUPT', async () => {
  const { models, agent, conversation, send, untilRun } = harness;
  const { id, model } = await agent({ whenBusy: 'INTERRUPT', tools: [{ name: 'calculator', approval: true }] });
  models.script(model, neverReply('Well, '), requestTool(['calculator', { expression: '1' }]), reply('Third.'));
  const talk = await conversation(id);
  const first = await send(talk, 'One');
  await expect.poll(() => models.requests.get(model)?.length).toBe(1);
  const second = await send(talk, 'Two');
  expect(await untilRun(first.run)).toMatchObject({ status: 'CANCELLED', messages: { nodes: [{ content: 'Well, ' }] } });
  await untilRun(second.run, 'WAITING_APPROVAL');
  const third = await send(talk, 'Three');
  expect((await harness.run(second.run)).status).toBe('CANCELLED');
  expect(await untilRun(third.run)).toMatchObject({ status: 'COMPLETED', output: { text: 'Third.' } });
});

test('completes or cancels every run of a burst of messages where whenBusy is INTERRUPT', async () => {
  const { models, agent, conversation, send, untilRun } = harness;
  const { id, model } = await agent({ whenBusy: 'INTERRUPT' });
  models.script(model, ...Array.from({ length: 8 }, () => reply('Yes.')));
  const talk = await conversation(id);
  const runs = await Promise.all(Array.from({ length: 6 }, (_, index) => send(talk, `Message ${index}`)));
  const states = await Promise.all(runs.map(({ run }) => untilRun(run)));
  expect(states.filter(({ status }) => status === 'COMPLETED').length).toBeGreaterThan(0);
  expect(states.every(({ status }) => status === 'COMPLETED' || status === 'CANCELLED')).toBe(true);
});
