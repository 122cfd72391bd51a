import { afterAll, beforeAll, expect, test } from 'vitest';
import { pick } from '../../../testkit/graph.ts';
import { createRunHarness, type RunHarness, type RunWorker, startRunWorker } from '../run-harness.ts';

let harness: RunHarness;
let worker: RunWorker;

beforeAll(async () => {
  harness = await createRunHarness();
  worker = await startRunWorker(harness.graph);
});
afterAll(() => worker.close());

test('answers with the built-in model from the knowledge base without any provider', async () => {
  const { graph, agent, conversation, send, untilRun, knowledge } = harness;
  const collection = await knowledge('The ferry to the island leaves at seven in the morning.');
  const { id } = await agent({
    provider: 'openai',
    model: 'gpt-5',
    tools: [{ name: 'search_knowledge', collections: [collection] }],
  });
  const { run } = await send(await conversation(id), 'When does the ferry leave?');
  const state = await untilRun(run);
  expect(state).toMatchObject({ status: 'COMPLETED', costUsd: '0' });
  expect(state.messages.nodes).toMatchObject([{ model: 'extractive', content: expect.stringContaining('seven in the morning') }]);
  const cited = await graph.execute(
    harness.viewer,
    'query ($id: ID!) { agentRun(id: $id) { messages { nodes { citations { document { title } } } } } }',
    { id: run },
  );
  expect(pick(cited, 'agentRun.messages.nodes.0.citations')).toHaveLength(1);
  const nothing = await untilRun((await send(await conversation(id), 'Who painted the ceiling of the chapel?')).run);
  expect(nothing.output?.text).toContain('found nothing');
  const gone = await agent({ provider: 'openai', tools: [{ name: 'search_knowledge', collections: ['no-such-collection'] }] });
  expect(await untilRun((await send(await conversation(gone.id), 'Hello?')).run)).toMatchObject({
    status: 'FAILED',
    errorCode: 'SEARCH_FAILED',
  });
});
