import { expect, test } from 'vitest';
import { open } from '../../../platform/live/open-subscription.ts';
import { pick } from '../../../testkit/graph.ts';
import { useRunHarness } from '../run-harness.ts';
import { barrier, reply, requestTool } from '../scripted-models.ts';

const harness = useRunHarness();

test('answers a message in its conversation and records the usage', async () => {
  const { models, agent, conversation, send, untilRun } = harness;
  const { id, model } = await agent({ systemPrompt: 'Be brief.' });
  models.script(model, reply('Good day to you.'));
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

test('alternates model and tool calls until the answer', async () => {
  const { models, agent, conversation, send, untilRun } = harness;
  const { id, model } = await agent({
    tools: [{ name: 'calculator' }, { name: 'current_time' }, { name: 'mine', parameters: {} }],
  });
  models.script(
    model,
    requestTool(
      ['calculator', { expression: '6 * 7' }],
      ['current_time', { time_zone: 'Europe/Vienna' }],
      ['calculator', { expression: '1 / 0' }],
    ),
    reply('It is 42.'),
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
  const { graph, viewer } = harness;
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

test('includes earlier messages in the prompt, and no message of a queued run', async () => {
  const { models, agent, conversation, send, untilRun } = harness;
  const { id, model } = await agent({ tools: [{ name: 'calculator' }] });
  const talk = await conversation(id);
  models.script(model, requestTool(['calculator', { expression: '1 + 1' }]), reply('Two.'), reply('Four.'));
  await untilRun((await send(talk, 'One and one?')).run);
  await untilRun((await send(talk, 'Twice that?')).run);
  expect(models.requests.get(model)?.at(-1)?.messages).toMatchObject([
    { role: 'user', text: 'One and one?' },
    { role: 'assistant', toolCalls: [{ name: 'calculator' }] },
    { role: 'tool', toolResults: [{ output: { result: '2' }, isError: false }] },
    { role: 'assistant', text: 'Two.' },
    { role: 'user', text: 'Twice that?' },
  ]);
});

test('skips malformed tool calls of other runtimes and adds errors for missing results', async () => {
  const { graph, viewer, models, agent, conversation, send, untilRun } = harness;
  const { id, model } = await agent();
  const talk = await conversation(id);
  const append = (input: Record<string, unknown>) =>
    graph.execute(
      viewer,
      'mutation ($input: AppendMessageInput!) { r: appendMessage(input: $input) { ... on AppendMessagePayload { repeated } } }',
      { input: { conversationId: talk, content: '', ...input } },
    );
  await append({ role: 'SYSTEM', content: 'Speak German.' });
  await append({ role: 'TOOL', toolResults: [{ toolCallId: 'not requested' }] });
  await append({ role: 'USER', content: 'What is the weather?' });
  await append({
    role: 'ASSISTANT',
    toolCalls: [{ id: 'a', name: 'weather in town', arguments: { town: 'Graz' } }, { id: 'b', name: 'news' }, { nonsense: true }],
  });
  await append({ role: 'TOOL', toolResults: [{ toolCallId: 'a', output: 'Sun.' }] });
  models.script(model, reply('Sonne.'));
  await untilRun((await send(talk, 'So?')).run);
  expect(models.requests.get(model)?.[0]).toMatchObject({
    instructions: 'Speak German.',
    messages: [
      { role: 'user', text: 'What is the weather?' },
      {
        role: 'assistant',
        toolCalls: [
          { id: 'a', name: 'weather_in_town' },
          { id: 'b', name: 'news', arguments: {} },
        ],
      },
      {
        role: 'tool',
        toolResults: [
          { toolCallId: 'a', output: 'Sun.', isError: false },
          { toolCallId: 'b', isError: true },
        ],
      },
      { role: 'user', text: 'So?' },
    ],
  });
});

test('limits the transcript of a long conversation to the newest turns that fit', async () => {
  const { graph, models, agent, conversation, send, changes } = harness;
  const { id, model } = await agent();
  const talk = await conversation(id);
  models.script(model, ...Array.from({ length: 6 }, (_, index) => reply(`Answer ${index} ${'x'.repeat(2_000)}`)));
  for (let index = 0; index < 5; index++) await harness.untilRun((await send(talk, `Question ${index}`)).run);
  expect(models.requests.get(model)?.at(-1)?.messages).toHaveLength(9);
  const { readTranscript } = await import('../../../../src/modules/runs/loop/transcript.ts');
  const { runWithContext } = await import('../../../../src/platform/postgres/request-scope.ts');
  const { tenantId } = harness.viewer;
  const { history, input } = await runWithContext({ tenantId }, async () => {
    const run = await graph.prisma.agentRun.findFirstOrThrow({ where: { agentId: uuid(id) }, orderBy: { createdAt: 'desc' } });
    const found = await graph.prisma.agent.findFirstOrThrow({ where: { id: uuid(id) } });
    const settings = { transcriptTokens: 1_200 } as never;
    return readTranscript({ ...graph.services, ...changes } as never, { run, agent: found, token: '', settings });
  });
  expect([...history, input].map((turn) => (turn.role === 'user' ? turn.text : turn.role))).toEqual([
    'Question 2',
    'assistant',
    'Question 3',
    'assistant',
    'Question 4',
  ]);
});

function uuid(id: string): string {
  return Buffer.from(id, 'base64url').toString().split(':')[1] as string;
}

test('returns the same message and run for a retry with the same idempotency key', async () => {
  const { graph, viewer, models, agent, conversation, send, untilRun, change } = harness;
  const { id, model } = await agent();
  models.script(model, reply('Once.'), reply('Alone.'));
  const talk = await conversation(id);
  const [first, second] = await Promise.all([1, 2].map(() => send(talk, 'Hello', { idempotencyKey: 'k' })));
  expect(second).toMatchObject({ run: first?.run, message: first?.message });
  expect([first?.repeated, second?.repeated].sort()).toEqual([false, true]);
  await untilRun(first?.run ?? '');
  expect(await change('sendMessage', { conversationId: talk, content: 'Other', idempotencyKey: 'k' })).toMatchObject({
    code: 'CONFLICT',
  });
  await graph.execute(
    viewer,
    'mutation ($id: ID!) { appendMessage(input: { conversationId: $id, role: USER, content: "x", idempotencyKey: "appended" }) { __typename } }',
    { id: talk },
  );
  expect(await change('sendMessage', { conversationId: talk, content: 'x', idempotencyKey: 'appended' })).toMatchObject({
    code: 'CONFLICT',
  });

  const start = () => startRun({ agentId: id, input: { text: 'Alone?' }, idempotencyKey: `run ${id}` });
  const [run, again] = await Promise.all([start(), start()]);
  expect(again).toBe(run);
  expect((await untilRun(run ?? '')).output).toEqual({ text: 'Alone.' });
  expect(await change('startAgentRun', { agentId: id, input: { text: 'Else?' }, idempotencyKey: `run ${id}` })).toMatchObject({
    code: 'CONFLICT',
  });
});

async function startRun(input: Record<string, unknown>): Promise<string> {
  const answer = await harness.graph.execute(
    harness.viewer,
    'mutation ($input: StartAgentRunInput!) { r: startAgentRun(input: $input) { ... on StartAgentRunPayload { run { id } } ... on UserError { message } } }',
    { input },
  );
  return pick(answer, 'r.run.id');
}

test('executes tools and stores the output of a run without a conversation', async () => {
  const { models, agent, untilRun } = harness;
  const { id, model } = await agent({ tools: [{ name: 'calculator' }], kind: 'BACKGROUND' });
  models.script(model, requestTool(['calculator', { expression: '2 ^ 8' }]), reply('256'));
  const state = await untilRun(await startRun({ agentId: id, input: { text: 'Two to the eighth' }, metadata: { job: 7 } }));
  expect(state).toMatchObject({ status: 'COMPLETED', output: { text: '256' }, iterations: 2, messages: { nodes: [] } });
  expect(state.toolCalls.nodes).toMatchObject([{ status: 'SUCCEEDED', output: { result: '256' } }]);
  expect(models.requests.get(model)?.[1]?.messages).toHaveLength(3);
});

test('searches the knowledge base and links citations of the answer to passages', async () => {
  const { graph, viewer, models, agent, conversation, send, untilRun, knowledge } = harness;
  const collection = await knowledge('The cellar key hangs behind the kitchen door.');
  const { id, model } = await agent({ tools: [{ name: 'search_knowledge', collections: [collection] }] });
  models.script(model, requestTool(['search_knowledge', { query: 'cellar key' }]), reply('Behind the kitchen door [1].'));
  const { run } = await send(await conversation(id), 'Where is the key?');
  const state = await untilRun(run);
  expect(state.toolCalls.nodes).toMatchObject([
    { source: 'KNOWLEDGE', status: 'SUCCEEDED', output: { hits: [{ number: 1, text: expect.stringContaining('cellar key') }] } },
  ]);
  const cited = await graph.execute(
    viewer,
    'query ($id: ID!) { agentRun(id: $id) { messages(last: 1) { nodes { citations { number chunk { content } } run { id } } } } }',
    { id: run },
  );
  expect(pick(cited, 'agentRun.messages.nodes.0')).toMatchObject({
    citations: [{ number: 1, chunk: { content: expect.stringContaining('kitchen door') } }],
    run: { id: run },
  });
});

test('delivers deltas, the message and run states to a subscriber in order without gaps', async () => {
  const { graph, viewer, models, agent, conversation, send } = harness;
  const { id, model } = await agent({ tools: [{ name: 'calculator' }] });
  const talk = await conversation(id);
  const more = barrier();
  models.script(model, requestTool(['calculator', { expression: '1 + 2' }]), async ({ onText }) => {
    onText('It is ');
    await more.opened;
    onText('three.');
    return {};
  });
  const events = await open(
    graph,
    graph.services.live,
    viewer,
    `subscription ($id: ID!) { conversationEvents(conversationId: $id, after: 1) { sequence type delta { messageId offset text }
      message { uuid role content } run { id } toolExecution { toolName } } }`,
    { id: talk },
  );
  const { run } = await send(talk, 'One and two?');
  interface Event {
    sequence: number;
    type: string;
    delta: { messageId: string; offset: number; text: string } | null;
    message: { uuid: string; role: string; content: string } | null;
    run: { id: string } | null;
  }
  const seen: Event[] = [];
  let text = '';
  while (seen.at(-1)?.message?.content !== 'It is three.') {
    const next = (await events.next())?.data?.conversationEvents as Event;
    if (next.delta) {
      text = text.slice(0, next.delta.offset) + next.delta.text;
      if (text === 'It is ') more.open();
    }
    seen.push(next);
  }
  await events.return();
  const durable = seen.filter(({ type }) => type !== 'MESSAGE_DELTA');
  expect(durable.map(({ type, message }) => message?.role ?? type)).toEqual([
    'USER',
    'RUN_CHANGED',
    'RUN_CHANGED',
    'ASSISTANT',
    'TOOL_EXECUTION_RECORDED',
    'TOOL',
    'ASSISTANT',
  ]);
  expect(durable.map(({ sequence }) => sequence)).toEqual(durable.map((_, index) => index + 2));
  expect(durable[1]?.run).toEqual({ id: run });
  expect(text.startsWith('It is')).toBe(true);
  const deltas = seen.filter(({ delta }) => delta);
  expect(deltas.length).toBeGreaterThan(0);
  expect(new Set(deltas.map(({ delta }) => delta?.messageId))).toEqual(new Set([durable.at(-1)?.message?.uuid]));
});

test('delivers changes of a run to agentRunUpdated', async () => {
  const { graph, viewer, models, agent, conversation, send } = harness;
  const { id, model } = await agent();
  const go = barrier();
  models.script(model, async ({ onText }) => {
    await go.opened;
    onText('Done.');
    return {};
  });
  const { run } = await send(await conversation(id), 'Go');
  const updates = await open(
    graph,
    graph.services.live,
    viewer,
    'subscription ($id: ID!) { agentRunUpdated(runId: $id) { status output } }',
    { id: run },
  );
  go.open();
  for (;;) {
    const next = (await updates.next())?.data?.agentRunUpdated as { status: string; output: unknown };
    if (next.status !== 'COMPLETED') continue;
    expect(next.output).toEqual({ text: 'Done.' });
    break;
  }
  await updates.return();
});
