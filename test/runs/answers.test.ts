import { expect, test } from 'vitest';
import { useStage } from './fixture.ts';
import { ask, say } from './scripted-models.ts';

const stage = useStage();

test('a message is answered in its conversation, and what it took is known', async () => {
  const { models, agent, conversation, send, untilRun } = stage;
  const { id, model } = await agent({ systemPrompt: 'Be brief.' });
  models.script(model, say('Good day to you.'));
  const talk = await conversation(id);
  const { run } = await send(talk, 'Hello');
  const state = await untilRun(run);
  expect(state).toMatchObject({
    status: 'COMPLETED',
    output: { text: 'Good day to you.' },
    errorCode: null,
    iterations: 1,
    inputTokens: 100,
    outputTokens: 10,
  });
  expect(state.messages.nodes).toMatchObject([{ role: 'ASSISTANT', content: 'Good day to you.', model, tokenCount: 10 }]);
  const [request] = models.requests.get(model) ?? [];
  expect(request).toMatchObject({ instructions: 'Be brief.', messages: [{ role: 'user', text: 'Hello' }], tools: [] });
});

test('model and tools take turns until the model has its answer', async () => {
  const { models, agent, conversation, send, untilRun } = stage;
  const { id, model } = await agent({
    tools: [{ name: 'calculator' }, { name: 'current_time' }, { name: 'mine', parameters: {} }],
  });
  models.script(
    model,
    ask(
      ['calculator', { expression: '6 * 7' }],
      ['current_time', { time_zone: 'Europe/Vienna' }],
      ['calculator', { expression: '1 / 0' }],
    ),
    say('It is 42.'),
  );
  const { run } = await send(await conversation(id), 'What is six times seven?');
  const state = await untilRun(run);
  expect(state).toMatchObject({ status: 'COMPLETED', iterations: 2, inputTokens: 200, outputTokens: 20 });
  expect(state.toolCalls.nodes).toMatchObject([
    { toolName: 'calculator', source: 'BUILT_IN', status: 'SUCCEEDED', output: { result: '42' } },
    { toolName: 'current_time', status: 'SUCCEEDED', output: { time_zone: 'Europe/Vienna' } },
    { toolName: 'calculator', status: 'FAILED', errorMessage: expect.stringContaining('finite') },
  ]);
  expect(state.messages.nodes.map(({ role }) => role)).toEqual(['ASSISTANT', 'TOOL', 'ASSISTANT']);
  expect(state.messages.nodes[1]?.toolResults).toMatchObject([
    { name: 'calculator', output: { result: '42' }, error: null },
    { name: 'current_time', error: null },
    { name: 'calculator', output: null, error: expect.stringContaining('finite') },
  ]);
  const [first, second] = models.requests.get(model) ?? [];
  expect(first?.tools.map(({ name }) => name)).toEqual(['calculator', 'current_time']);
  expect(second?.messages).toMatchObject([
    { role: 'user' },
    { role: 'assistant', toolCalls: [{ name: 'calculator' }, { name: 'current_time' }, { name: 'calculator' }] },
    { role: 'tool', toolResults: [{ isError: false, output: { result: '42' } }, { isError: false }, { isError: true }] },
  ]);
  const { graph, viewer } = stage;
  const executions = await graph.execute(
    viewer,
    'query ($id: ID!) { agentRun(id: $id) { conversation { toolExecutions { nodes { toolName status output errorMessage message { role } } } } } }',
    { id: run },
  );
  expect(executions.data).toMatchObject({
    agentRun: {
      conversation: {
        toolExecutions: {
          nodes: expect.arrayContaining([
            expect.objectContaining({ toolName: 'current_time', status: 'SUCCESS', message: { role: 'ASSISTANT' } }),
          ]),
        },
      },
    },
  });
});
