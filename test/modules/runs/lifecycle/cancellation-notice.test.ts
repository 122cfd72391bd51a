import { expect, test } from 'vitest';
import { useRunHarness } from '../run-harness.ts';
import { neverReply } from '../scripted-models.ts';

// The worker polls once an hour, so that only a notice can cancel the run in time.
const harness = useRunHarness({ watchMs: 3_600_000 });

test('cancels a run on a change notice, without waiting for the next poll', async () => {
  const { models, agent, conversation, send, untilRun, change } = harness;
  const { id, model } = await agent();
  models.script(model, neverReply('Once '));
  const { run } = await send(await conversation(id), 'Tell me a story');
  await untilRun(run, 'RUNNING');
  await expect.poll(() => models.requests.get(model)?.length).toBe(1);
  await change('cancelAgentRun', { id: run });
  expect((await untilRun(run)).status).toBe('CANCELLED');
});
