import { expect, test } from 'vitest';
import { useRunHarness } from '../run-harness.ts';
import { barrier, reply, requestTool } from '../scripted-models.ts';

const harness = useRunHarness({ toolTimeoutMs: 1_500 });

/** Executes a run with these tools whose model requests these calls and then answers. */
async function runWith(tools: unknown[], ...calls: Parameters<typeof requestTool>): Promise<string> {
  const { models, agent, conversation, send } = harness;
  const { id, model } = await agent({ tools });
  models.script(model, requestTool(...calls), reply('Done.'));
  return (await send(await conversation(id), 'Go')).run;
}

test('returns errors for unknown tools and invalid arguments to the model', async () => {
  const run = await runWith(
    [{ name: 'calculator' }],
    ['make_coffee', { sugar: true }],
    ['calculator', { expression: 7 }],
    ['calculator', { expression: '1', more: 2 }],
    ['calculator', {}, 'The arguments are not JSON.'],
    ['calculator', { expression: '2 + 2' }],
  );
  const state = await harness.untilRun(run);
  expect(state.status).toBe('COMPLETED');
  expect(state.toolCalls.nodes).toMatchObject([
    { source: 'UNKNOWN', status: 'FAILED', errorMessage: expect.stringContaining('The tool make_coffee does not exist') },
    { status: 'FAILED', errorMessage: expect.stringContaining('expression must be string') },
    { status: 'FAILED', errorMessage: expect.stringContaining('(more)') },
    { status: 'FAILED', errorMessage: 'The arguments are not JSON.', arguments: {} },
    { status: 'SUCCEEDED', output: { result: '4' } },
  ]);
  expect(state.messages.nodes[1]?.toolResults?.map(({ error }) => error !== null)).toEqual([true, true, true, true, false]);
});

test('executes calls of one step concurrently and returns results in request order', async () => {
  const collection = await harness.knowledge('Nothing of interest.');
  const [first, second, started] = [barrier(), barrier(), barrier()];
  harness.holds.set('first', async () => {
    started.open();
    await first.opened;
  });
  harness.holds.set('second', async () => {
    await started.opened;
    second.open();
  });
  // The first call waits for the second, which requires concurrency.
  void second.opened.then(first.open);
  const run = await runWith(
    [{ name: 'search_knowledge', collections: [collection] }],
    ['search_knowledge', { query: 'first' }],
    ['search_knowledge', { query: 'second' }],
  );
  const state = await harness.untilRun(run);
  expect(state.toolCalls.nodes).toMatchObject([
    { arguments: { query: 'first' }, status: 'SUCCEEDED' },
    { arguments: { query: 'second' }, status: 'SUCCEEDED' },
  ]);
  const numbers = state.toolCalls.nodes.flatMap(({ output }) =>
    (output as { hits: { number: number }[] }).hits.map(({ number }) => number),
  );
  expect(numbers.toSorted()).toEqual(numbers.map((_, index) => index + 1));
});

test('times out a tool call that exceeds toolTimeoutMs', async () => {
  const collection = await harness.knowledge('Nothing of interest.');
  harness.holds.set('endless', () => new Promise(() => {}));
  const run = await runWith(
    [{ name: 'search_knowledge', collections: [collection] }, { name: 'calculator' }],
    ['search_knowledge', { query: 'endless' }],
    ['calculator', { expression: '1' }],
  );
  const state = await harness.untilRun(run);
  expect(state.status).toBe('COMPLETED');
  expect(state.toolCalls.nodes).toMatchObject([
    { status: 'TIMED_OUT', errorMessage: expect.stringContaining('1.5 seconds') },
    { status: 'SUCCEEDED' },
  ]);
});

test('rejects calls beyond the maximum of one step', async () => {
  const calls = Array.from({ length: 40 }, (_, index): [string, Record<string, unknown>] => [
    'calculator',
    { expression: `${index}` },
  ]);
  const state = await harness.untilRun(await runWith([{ name: 'calculator' }], ...calls));
  const statuses = state.toolCalls.nodes.map(({ status }) => status);
  expect(statuses.filter((status) => status === 'SUCCEEDED')).toHaveLength(32);
  expect(statuses.slice(32)).toEqual(Array(8).fill('FAILED'));
});

test('stores invalid Unicode, NUL characters and deep JSON of models and tools', async () => {
  const { models, agent, conversation, send, untilRun } = harness;
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

test('rejects malformed built-in tool references and accepts tools of other runtimes', async () => {
  const { change, agent, graph, viewer } = harness;
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
