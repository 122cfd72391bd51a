import { expect, test } from 'vitest';
import { useRunHarness } from '../run-harness.ts';
import { barrier, reply, requestTool } from '../scripted-models.ts';

const stage = useRunHarness({ toolTimeoutMs: 1_500 });

/** A run of an agent with these tools whose model asks for these calls, then says that it is done. */
async function runWith(tools: unknown[], ...calls: Parameters<typeof requestTool>): Promise<string> {
  const { models, agent, conversation, send } = stage;
  const { id, model } = await agent({ tools });
  models.script(model, requestTool(...calls), reply('Done.'));
  return (await send(await conversation(id), 'Go')).run;
}

test('a tool that is not there and arguments that do not fit are told to the model, and end nothing', async () => {
  const run = await runWith(
    [{ name: 'calculator' }],
    ['make_coffee', { sugar: true }],
    ['calculator', { expression: 7 }],
    ['calculator', { expression: '1', more: 2 }],
    ['calculator', {}, 'The arguments are not JSON.'],
    ['calculator', { expression: '2 + 2' }],
  );
  const state = await stage.untilRun(run);
  expect(state.status).toBe('COMPLETED');
  expect(state.toolCalls.nodes).toMatchObject([
    { source: 'UNKNOWN', status: 'FAILED', errorMessage: expect.stringContaining('no tool called make_coffee') },
    { status: 'FAILED', errorMessage: expect.stringContaining('expression must be string') },
    { status: 'FAILED', errorMessage: expect.stringContaining('(more)') },
    { status: 'FAILED', errorMessage: 'The arguments are not JSON.', arguments: {} },
    { status: 'SUCCEEDED', output: { result: '4' } },
  ]);
  expect(state.messages.nodes[1]?.toolResults?.map(({ error }) => error !== null)).toEqual([true, true, true, true, false]);
});

test('calls of one round run at the same time, and their results stand in the order they were asked for', async () => {
  const collection = await stage.knowledge('Nothing of interest.');
  const [first, second, started] = [barrier(), barrier(), barrier()];
  stage.holds.set('first', async () => {
    started.open();
    await first.opened;
  });
  stage.holds.set('second', async () => {
    await started.opened;
    second.open();
  });
  // The first waits for the second, which could not begin if they ran one after the other.
  void second.opened.then(first.open);
  const run = await runWith(
    [{ name: 'search_knowledge', collections: [collection] }],
    ['search_knowledge', { query: 'first' }],
    ['search_knowledge', { query: 'second' }],
  );
  const state = await stage.untilRun(run);
  expect(state.toolCalls.nodes).toMatchObject([
    { arguments: { query: 'first' }, status: 'SUCCEEDED' },
    { arguments: { query: 'second' }, status: 'SUCCEEDED' },
  ]);
  const numbers = state.toolCalls.nodes.flatMap(({ output }) =>
    (output as { hits: { number: number }[] }).hits.map(({ number }) => number),
  );
  expect(numbers.toSorted()).toEqual(numbers.map((_, index) => index + 1));
});

test('a tool that does not answer in time is left behind', async () => {
  const collection = await stage.knowledge('Nothing of interest.');
  stage.holds.set('endless', () => new Promise(() => {}));
  const run = await runWith(
    [{ name: 'search_knowledge', collections: [collection] }, { name: 'calculator' }],
    ['search_knowledge', { query: 'endless' }],
    ['calculator', { expression: '1' }],
  );
  const state = await stage.untilRun(run);
  expect(state.status).toBe('COMPLETED');
  expect(state.toolCalls.nodes).toMatchObject([
    { status: 'TIMED_OUT', errorMessage: expect.stringContaining('1.5 seconds') },
    { status: 'SUCCEEDED' },
  ]);
});

test('more calls than a round may have are refused one by one', async () => {
  const calls = Array.from({ length: 40 }, (_, index): [string, Record<string, unknown>] => [
    'calculator',
    { expression: `${index}` },
  ]);
  const state = await stage.untilRun(await runWith([{ name: 'calculator' }], ...calls));
  const statuses = state.toolCalls.nodes.map(({ status }) => status);
  expect(statuses.filter((status) => status === 'SUCCEEDED')).toHaveLength(32);
  expect(statuses.slice(32)).toEqual(Array(8).fill('FAILED'));
});

test('what a model and a tool say is kept however odd it is', async () => {
  const { models, agent, conversation, send, untilRun } = stage;
  const { id, model } = await agent({ tools: [{ name: 'calculator' }] });
  models.script(
    model,
    () => ({
      toolCalls: [
        { id: '', name: '', arguments: { a: 'nul \0 and half \ud800' } },
        { id: 'same', name: 'calculator', arguments: { expression: '1' } },
        { id: 'same', name: 'calculator', arguments: { expression: '2' } },
        { id: 'x'.repeat(500), name: 'y'.repeat(500), arguments: {} },
      ],
    }),
    reply('Half \ud83d and \0 whole.'),
  );
  const { run } = await send(await conversation(id), 'Go');
  const state = await untilRun(run);
  expect(state).toMatchObject({ status: 'COMPLETED', output: { text: 'Half \ufffd and  whole.' } });
  expect(state.toolCalls.nodes.map(({ status }) => status)).toEqual(['FAILED', 'SUCCEEDED', 'SUCCEEDED', 'FAILED']);
  const ids = state.messages.nodes[1]?.toolResults?.map(({ toolCallId }) => toolCallId) ?? [];
  expect(new Set(ids).size).toBe(4);
});

test('agents refuse tools that begin like ours and go on otherwise, and keep those of other runtimes', async () => {
  const { change, agent, graph, viewer } = stage;
  for (const [tool, path, message] of [
    [{ name: 'calculator', approval: 'yes' }, '0.approval', 'true or false'],
    [{ name: 'search_knowledge', collections: [] }, '0.collections', 'empty'],
    [{ name: 'search_knowledge', collections: [7] }, '0.collections.0', 'UUID or a slug'],
    [{ mcp: 'files' }, '0.name', 'name of a tool'],
    [{ mcp: 7, name: '*' }, '0.mcp', 'slug'],
  ] as const) {
    const answer = await graph.execute(
      viewer,
      'mutation ($input: CreateAgentInput!) { r: createAgent(input: $input) { ... on UserError { code path message } } }',
      { input: { name: 'Agent', provider: 'p', model: 'm', tools: [tool] } },
    );
    expect(answer.data?.r, JSON.stringify(tool)).toEqual({
      code: 'VALIDATION_FAILED',
      path: ['input', 'tools', ...path.split('.')],
      message: expect.stringContaining(message),
    });
  }
  const { id } = await agent({ tools: [{ name: 'mine', parameters: { deep: true } }, { other: 1 }] });
  expect(await change('updateAgent', { id, tools: [{ name: 'current_time', approval: 1 }] })).toMatchObject({
    code: 'VALIDATION_FAILED',
  });
  expect(await change('updateAgent', { id, tools: [{ mcp: 'files', name: '*', approval: true }] })).toMatchObject({
    __typename: 'UpdateAgentPayload',
  });
});
