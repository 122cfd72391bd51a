import { beforeAll, expect, test } from 'vitest';
import { ModelStepError } from '../../../../src/platform/ai/language/language-model.ts';
import { pick } from '../../../testkit/graph.ts';
import { asViewer } from '../../../testkit/tenants.ts';
import { useRunHarness } from '../run-harness.ts';
import { reply, requestTool } from '../scripted-models.ts';

const harness = useRunHarness();

beforeAll(async () => {
  await harness.graph.ownerQuery('UPDATE users SET is_platform_admin = true WHERE id = $1', [harness.tenant.owner.userId]);
});

async function setPrice(input: Record<string, unknown>): Promise<string> {
  const answer = await harness.graph.execute(
    harness.viewer,
    'mutation ($input: SetModelPriceInput!) { r: setModelPrice(input: $input) { ... on SetModelPricePayload { price { id } } ... on UserError { message } } }',
    { input: { provider: 'scripted', ...input } },
  );
  return pick(answer, 'r.price.id');
}

test('calculates costs exactly and sums them in run, conversation and agent', async () => {
  const { graph, viewer, models, agent, conversation, send, untilRun } = harness;
  const { id, model } = await agent({ tools: [{ name: 'calculator' }] });
  await setPrice({
    model,
    inputPerMillionUsd: '2.5',
    outputPerMillionUsd: '10',
    cachedInputPerMillionUsd: '0.3',
    effectiveFrom: '2020-01-01T00:00:00Z',
  });
  // Takes effect in the future.
  await setPrice({ model, inputPerMillionUsd: '9999', outputPerMillionUsd: '9999', effectiveFrom: '2999-01-01T00:00:00Z' });
  // Superseded.
  await setPrice({ model, inputPerMillionUsd: '8888', outputPerMillionUsd: '8888', effectiveFrom: '2019-01-01T00:00:00Z' });
  const used = { inputTokens: 1_001, cachedInputTokens: 101, outputTokens: 33 };
  models.script(
    model,
    async (request) => ({ ...(await requestTool(['calculator', { expression: '1' }])(request)), ...used }),
    reply('One.', used),
    reply('Two.', used),
  );
  const talk = await conversation(id);
  const { run } = await send(talk, 'Go');
  const state = await untilRun(run);
  // (900 × 2.5 + 101 × 0.3 + 33 × 10) / 1,000,000.
  expect(state.llmCalls.nodes.map(({ costUsd }) => costUsd)).toEqual(['0.0026103', '0.0026103']);
  expect(state).toMatchObject({ costUsd: '0.0052206', inputTokens: 2_002, outputTokens: 66 });
  await untilRun((await send(talk, 'More')).run);
  const totals = await graph.execute(
    viewer,
    'query ($agent: ID!, $talk: ID!) { agent(id: $agent) { usage { runs inputTokens outputTokens costUsd } } conversation(id: $talk) { costUsd } }',
    { agent: id, talk },
  );
  expect(totals.data).toEqual({
    agent: { usage: { runs: 2, inputTokens: 3_003, outputTokens: 99, costUsd: '0.0078309' } },
    conversation: { costUsd: '0.0078309' },
  });
});

test('adds up the costs of small calls without rounding', async () => {
  const { models, agent, conversation, send, untilRun } = harness;
  const { id, model } = await agent();
  await setPrice({ model, inputPerMillionUsd: '0.02', outputPerMillionUsd: '0.000001', effectiveFrom: '2020-01-01T00:00:00Z' });
  models.script(model, reply('Hi.', { inputTokens: 20, outputTokens: 1 }));
  const state = await untilRun((await send(await conversation(id), 'Hello')).run);
  expect(state).toMatchObject({ costUsd: '0.000000400001', llmCalls: { nodes: [{ costUsd: '0.000000400001' }] } });
});

const UNPRICED = `query ($run: ID!, $agent: ID!, $model: String!) {
  agentRun(id: $run) { unpricedCalls costUsd llmCalls { nodes { kind unpriced estimated costUsd } } }
  agent(id: $agent) { usage { unpricedCalls } }
  llmCalls(filter: { model: $model, unpriced: true }) { totalCount } }`;

test('marks calls of a model without a price as unpriced', async () => {
  const { graph, viewer, models, agent, conversation, send, untilRun } = harness;
  const { id, model } = await agent();
  models.script(model, reply('One.'), reply('Two.', { estimated: true }));
  const talk = await conversation(id);
  const { run } = await send(talk, 'Go');
  await untilRun(run);
  const read = async (which: string) => (await graph.execute(viewer, UNPRICED, { run: which, agent: id, model })).data;
  expect(await read(run)).toEqual({
    agentRun: {
      unpricedCalls: 1,
      costUsd: '0',
      llmCalls: { nodes: [{ kind: 'RUN', unpriced: true, estimated: false, costUsd: '0' }] },
    },
    agent: { usage: { unpricedCalls: 1 } },
    llmCalls: { totalCount: 1 },
  });
  await setPrice({ model, inputPerMillionUsd: '0', outputPerMillionUsd: '0', effectiveFrom: '2020-01-01T00:00:00Z' });
  const priced = await send(talk, 'Again');
  await untilRun(priced.run);
  expect(await read(priced.run)).toMatchObject({
    agentRun: { unpricedCalls: 0, llmCalls: { nodes: [{ unpriced: false, estimated: true, costUsd: '0' }] } },
    agent: { usage: { unpricedCalls: 1 } },
  });
});

test('counts the tokens of failed attempts, as an estimate', async () => {
  const { graph, viewer, models, agent, conversation, send, untilRun } = harness;
  const { id, model } = await agent();
  await setPrice({ model, inputPerMillionUsd: '1', outputPerMillionUsd: '1', effectiveFrom: '2020-01-01T00:00:00Z' });
  models.script(
    model,
    (request) => {
      request.onLost?.({ inputTokens: 40, outputTokens: 2 });
      return reply('At last.')(request);
    },
    ({ onLost }) => {
      onLost?.({ inputTokens: 50, outputTokens: 3 });
      throw new ModelStepError('The model broke off.', { code: 'MODEL_NONSENSE', retryable: true });
    },
  );
  const talk = await conversation(id);
  const read = async (run: string) =>
    (
      await graph.execute(
        viewer,
        'query ($run: ID!) { agentRun(id: $run) { llmCalls { nodes { status estimated inputTokens outputTokens costUsd } } } }',
        { run },
      )
    ).data;
  const first = await send(talk, 'Go');
  await untilRun(first.run);
  expect(await read(first.run)).toEqual({
    agentRun: {
      llmCalls: { nodes: [{ status: 'SUCCESS', estimated: true, inputTokens: 140, outputTokens: 12, costUsd: '0.000152' }] },
    },
  });
  const second = await send(talk, 'Again');
  expect(await untilRun(second.run)).toMatchObject({ status: 'FAILED', inputTokens: 50 });
  expect(await read(second.run)).toEqual({
    agentRun: {
      llmCalls: { nodes: [{ status: 'ERROR', estimated: true, inputTokens: 50, outputTokens: 3, costUsd: '0.000053' }] },
    },
  });
});

test('reads the usage of all agents of a page in one statement', async () => {
  const { graph, viewer, agent } = harness;
  await agent();
  await agent();
  const answer = await graph.execute(viewer, '{ agents { nodes { usage { runs costUsd } } } }');
  expect(answer.messages).toEqual([]);
  // Workers of the same process send statements of their own.
  expect(answer.statements.filter((text) => text.includes('sum('))).toHaveLength(1);
  expect(pick(answer, 'agents.nodes')).toContainEqual({ usage: { runs: 0, costUsd: '0' } });
});

test('lists, replaces and deletes prices, for platform administrators only', async () => {
  const { graph, viewer, change, agent } = harness;
  const { model } = await agent();
  const effectiveFrom = '2026-01-01T00:00:00Z';
  const price = await setPrice({ model, inputPerMillionUsd: '1', outputPerMillionUsd: '2', effectiveFrom });
  expect(await setPrice({ model, inputPerMillionUsd: '1.5', outputPerMillionUsd: '2', effectiveFrom })).toBe(price);
  const list = () =>
    graph.execute(
      asViewer(harness.tenant, 'VIEWER'),
      'query ($model: String) { modelPrices(filter: { model: $model }) { totalCount nodes { id inputPerMillionUsd cachedInputPerMillionUsd } } }',
      { model },
    );
  expect(pick(await list(), 'modelPrices')).toEqual({
    totalCount: 1,
    nodes: [{ id: price, inputPerMillionUsd: '1.5', cachedInputPerMillionUsd: null }],
  });
  const input = { provider: 'scripted', model, inputPerMillionUsd: '0', outputPerMillionUsd: '0' };
  for (const other of [asViewer(harness.tenant, 'MEMBER'), { ...viewer, apiKeyId: '0193e2c5-0000-7000-8000-000000000000' }]) {
    const refused = await graph.execute(
      other,
      'mutation ($input: SetModelPriceInput!) { setModelPrice(input: $input) { __typename } }',
      { input },
    );
    expect(refused.codes).toEqual(['FORBIDDEN']);
  }
  expect(await change('setModelPrice', { ...input, inputPerMillionUsd: '-1' })).toMatchObject({ code: 'VALIDATION_FAILED' });
  expect(await change('setModelPrice', { ...input, inputPerMillionUsd: '0.0000001' })).toMatchObject({
    code: 'VALIDATION_FAILED',
  });
  expect(await change('removeModelPrice', { id: price })).toMatchObject({ __typename: 'RemoveModelPricePayload' });
  expect(await change('removeModelPrice', { id: price })).toMatchObject({ code: 'NOT_FOUND' });
  expect(pick(await list(), 'modelPrices.totalCount')).toBe(0);
});
