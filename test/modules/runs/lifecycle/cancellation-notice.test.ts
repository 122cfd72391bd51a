import { expect, test } from 'vitest';
import { useRunHarness } from '../run-harness.ts';
import { neverReply } from '../scripted-models.ts';

// The worker looks by itself once an hour: what it hears at once it has been told.
const stage = useRunHarness({ watchMs: 3_600_000 });

test('a worker is told of a cancellation, and does not wait until it looks', async () => {
  const { models, agent, conversation, send, untilRun, change } = stage;
  const { id, model } = await agent();
  models.script(model, neverReply('Once '));
  const { run } = await send(await conversation(id), 'Tell me a story');
  await untilRun(run, 'RUNNING');
  await expect.poll(() => models.requests.get(model)?.length).toBe(1);
  await change('cancelAgentRun', { id: run });
  expect((await untilRun(run)).status).toBe('CANCELLED');
});
