import { afterEach, beforeAll, expect, test } from 'vitest';
import { newId } from '../../../../src/platform/lib/ids.ts';
import { until } from '../../../testkit/knowledge.ts';
import { createRunHarness, type RunHarness, type RunWorker, startRunWorker } from '../run-harness.ts';
import { barrier, neverReply, reply, requestTool } from '../scripted-models.ts';

let harness: RunHarness;
let workers: RunWorker[] = [];

beforeAll(async () => {
  harness = await createRunHarness();
});
afterEach(async () => {
  for (const worker of workers) await worker.close();
  workers = [];
});

async function startWorker(settings: Parameters<typeof startRunWorker>[2] = {}): Promise<RunWorker> {
  const worker = await startRunWorker(harness.graph, harness.changes, settings);
  workers.push(worker);
  return worker;
}

function uuidOf(id: string): string {
  return Buffer.from(id, 'base64url').toString().split(':')[1] as string;
}

/** Replaces the lease of the worker, as a takeover after its expiry does. */
async function orphan(run: string, seconds = 0): Promise<void> {
  await harness.graph.ownerQuery(
    `UPDATE agent_runs SET lease_owner = $2, lease_expires_at = now() + $3 * interval '1 second' WHERE id = $1`,
    [uuidOf(run), newId(), seconds],
  );
}

/** Enqueues the run again, as the queue does for a job whose worker was killed. */
async function queueAgain(run: string): Promise<void> {
  const { database, jobs } = harness.graph.services;
  const tenantId = harness.tenant.id;
  await database.transactionAs({ tenantId }, () => jobs.enqueue('run.execute', [{ tenantId, id: uuidOf(run) }]));
}

test('another worker resumes a run immediately after a shutdown, without losing steps', async () => {
  const { models, agent, conversation, send, untilRun } = harness;
  // Without a release at shutdown, the lease would block the run for ten minutes.
  const first = await startWorker({ leaseMs: 600_000 });
  const { id, model } = await agent({ tools: [{ name: 'calculator' }] });
  models.script(model, requestTool(['calculator', { expression: '6 * 7' }]), neverReply('The ans'));
  const talk = await conversation(id);
  const { run } = await send(talk, 'Go');
  await expect.poll(() => models.requests.get(model)?.length).toBe(2);
  models.script(model, reply('The answer is 42.'));
  await first.close();
  expect((await harness.run(run)).status).toBe('RUNNING');
  await startWorker();
  const state = await untilRun(run);
  expect(state).toMatchObject({ status: 'COMPLETED', output: { text: 'The answer is 42.' }, iterations: 2 });
  expect(state.toolCalls.nodes).toMatchObject([{ status: 'SUCCEEDED', output: { result: '42' } }]);
  expect(state.messages.nodes.map(({ role, content }) => [role, content])).toEqual([
    ['ASSISTANT', ''],
    ['TOOL', ''],
    ['ASSISTANT', 'The answer is 42.'],
  ]);
});

test('a worker that lost its lease writes nothing, and its successor continues under the same message id', async () => {
  const { graph, models, agent, conversation, send, untilRun } = harness;
  await startWorker();
  const { id, model } = await agent({ tools: [{ name: 'calculator' }] });
  const late = barrier();
  models.script(model, async (request) => {
    request.onText('Stale ');
    await late.opened;
    return reply('words.')(request);
  });
  const { run } = await send(await conversation(id), 'Go');
  const draft = await until(
    () => graph.ownerQuery<{ id: string }>("SELECT id FROM message_drafts WHERE run_id = $1 AND content <> ''", [uuidOf(run)]),
    (rows) => rows.length === 1,
  );
  models.script(model, reply('Fresh words.'));
  await orphan(run);
  await queueAgain(run);
  const state = await untilRun(run);
  expect(state).toMatchObject({ status: 'COMPLETED', output: { text: 'Fresh words.' } });
  late.open();
  await startWorker();
  expect(state.messages.nodes.map(({ content }) => content)).toEqual(['Fresh words.']);
  expect(uuidOf(state.messages.nodes[0]?.id ?? '')).toBe(draft[0]?.id);
  expect(await harness.run(run)).toEqual(state);
});

test('claims a run again after its lease has expired', async () => {
  const { models, agent, conversation, send, untilRun } = harness;
  const { id, model } = await agent();
  models.script(model, reply('Taken over.'));
  const { run } = await send(await conversation(id), 'Go');
  await harness.graph.ownerQuery("UPDATE agent_runs SET status = 'RUNNING', started_at = now() WHERE id = $1", [uuidOf(run)]);
  await orphan(run, 2);
  await startWorker();
  expect(await untilRun(run)).toMatchObject({ status: 'COMPLETED', output: { text: 'Taken over.' } });
});

interface RecordedCall {
  toolName: string;
  source: string;
  status: string;
  output?: unknown;
}

/** A run in the state after its worker was killed during tool calls. */
async function createOrphan(calls: RecordedCall[], tools: unknown[]) {
  const { graph, agent, conversation, send } = harness;
  const { id, model } = await agent({ tools });
  const talk = await conversation(id);
  const { run } = await send(talk, 'Go');
  const tenantId = harness.tenant.id;
  const [runId, conversationId] = [uuidOf(run), uuidOf(talk)];
  const messageId = newId();
  await graph.database.transactionAs({ tenantId }, async () => {
    const toolCalls = calls.map(({ toolName }, index) => ({
      id: `call_${index}`,
      name: toolName,
      arguments: { expression: '1' },
    }));
    await graph.prisma.llmCall.create({
      data: {
        tenantId,
        id: newId(),
        runId,
        provider: 'scripted',
        model,
        status: 'SUCCESS',
        response: { text: '', toolCalls, messageId },
      },
    });
    await graph.prisma.message.create({
      data: { tenantId, id: messageId, conversationId, runId, role: 'ASSISTANT', content: '', toolCalls },
    });
    for (const [position, { output, ...call }] of calls.entries()) {
      const ended =
        call.status === 'RUNNING' || call.status === 'PENDING' ? {} : { completedAt: new Date(), output: output as object };
      await graph.prisma.toolCall.create({
        data: {
          ...(call as { toolName: string; source: 'BUILT_IN'; status: 'RUNNING' }),
          ...ended,
          tenantId,
          id: newId(),
          runId,
          iteration: 1,
          position,
          callId: `call_${position}`,
          arguments: { expression: `${position} + 1` },
          startedAt: new Date(),
        },
      });
    }
  });
  await graph.ownerQuery("UPDATE agent_runs SET status = 'RUNNING', started_at = now() WHERE id = $1", [runId]);
  await orphan(run, -1);
  return { run, model };
}

test('after a takeover, repeats only repeatable calls in progress and marks other ones as interrupted', async () => {
  const { models, untilRun } = harness;
  const { run, model } = await createOrphan(
    [
      { toolName: 'calculator', source: 'BUILT_IN', status: 'SUCCEEDED', output: { result: 'as it was' } },
      { toolName: 'calculator', source: 'BUILT_IN', status: 'RUNNING' },
      { toolName: 'calculator', source: 'BUILT_IN', status: 'PENDING' },
      { toolName: 'shop__pay', source: 'MCP', status: 'RUNNING' },
    ],
    [{ name: 'calculator' }],
  );
  models.script(model, reply('Done.'));
  await startWorker();
  const state = await untilRun(run);
  expect(state.status).toBe('COMPLETED');
  expect(state.toolCalls.nodes).toMatchObject([
    { status: 'SUCCEEDED', output: { result: 'as it was' } },
    { status: 'SUCCEEDED', output: { result: '2' } },
    { status: 'SUCCEEDED', output: { result: '3' } },
    { status: 'INTERRUPTED', errorMessage: expect.stringContaining('not known') },
  ]);
  expect(models.requests.get(model)).toHaveLength(1);
  expect(models.requests.get(model)?.[0]?.messages.at(-1)).toMatchObject({
    toolResults: [{ output: { result: 'as it was' } }, {}, {}, { isError: true, output: expect.stringContaining('not known') }],
  });
  const executions = await harness.graph.ownerQuery('SELECT FROM tool_executions WHERE run_id = $1', [uuidOf(run)]);
  expect(executions).toHaveLength(3);
});

test('cancels a run without a live worker immediately', async () => {
  const { run } = await createOrphan([{ toolName: 'calculator', source: 'BUILT_IN', status: 'RUNNING' }], []);
  await harness.change('cancelAgentRun', { id: run });
  expect(await harness.run(run)).toMatchObject({ status: 'CANCELLED', toolCalls: { nodes: [{ status: 'CANCELLED' }] } });
  // The job has no effect on an ended run.
  await startWorker();
  expect((await harness.run(run)).status).toBe('CANCELLED');
});

test('cancels a run at the takeover if its killed worker had not processed the cancellation', async () => {
  const { run } = await createOrphan([{ toolName: 'calculator', source: 'BUILT_IN', status: 'PENDING' }], []);
  await harness.graph.ownerQuery('UPDATE agent_runs SET cancel_requested_at = now() WHERE id = $1', [uuidOf(run)]);
  await startWorker();
  expect(await harness.untilRun(run)).toMatchObject({ status: 'CANCELLED', toolCalls: { nodes: [{ status: 'CANCELLED' }] } });
});

test('fails an abandoned run with GAVE_UP and starts the next run of the conversation', async () => {
  const { models, agent, conversation, send } = harness;
  const { id, model } = await agent();
  const talk = await conversation(id);
  const { run } = await send(talk, 'Go');
  const next = await send(talk, 'And then?');
  const { failAbandonedRun } = await import('../../../../src/modules/runs/lifecycle/execute-run.ts');
  await orphanRunning(run);
  await failAbandonedRun({ ...harness.graph.services, ...harness.changes } as never, harness.tenant.id, uuidOf(run));
  expect(await harness.run(run)).toMatchObject({ status: 'FAILED', errorCode: 'GAVE_UP' });
  models.script(model, reply('Next.'));
  await startWorker();
  expect(await harness.untilRun(next.run)).toMatchObject({ status: 'COMPLETED', output: { text: 'Next.' } });
});

async function orphanRunning(run: string): Promise<void> {
  await harness.graph.ownerQuery("UPDATE agent_runs SET status = 'RUNNING', started_at = now() WHERE id = $1", [uuidOf(run)]);
  await orphan(run, -1);
}
