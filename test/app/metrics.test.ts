import { Registry } from 'prom-client';
import { beforeAll, expect, test } from 'vitest';
import { registerMcpMetrics } from '../../src/app/metrics/mcp-metrics.ts';
import { registerRunMetrics } from '../../src/modules/runs/register-metrics.ts';
import { createRunMetrics } from '../../src/modules/runs/run-metrics.ts';
import type { Services } from '../../src/platform/graphql/context.ts';
import { openMcp } from '../../src/platform/mcp-client/mcp.ts';
import { createRunHarness, type RunHarness, type RunWorker, startRunWorker } from '../modules/runs/run-harness.ts';
import { barrier, reply, requestTool } from '../modules/runs/scripted-models.ts';
import { execute, readyServer } from '../modules/tool-servers/mcp-fixtures.ts';
import { startToolServer, text } from '../modules/tool-servers/tool-server.ts';
import { asViewer, createTenant } from '../testkit/tenants.ts';

let stage: RunHarness;

beforeAll(async () => {
  stage = await createRunHarness();
});

/** The values of a metrics page, by name and labels. */
async function metricsOf(registry: Registry, name: string): Promise<Record<string, number>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line.startsWith(name));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

test('MCP metrics have labels for operation and outcome, and none with names that tenants choose', async () => {
  const { graph } = stage;
  const { mcp, log } = graph.services;
  const own = openMcp({ sealer: mcp.sealer, allowedNetworks: ['127.0.0.1'], idleMs: 60_000, maxConnections: 5, log });
  const registry = new Registry();
  registerMcpMetrics(own, registry);
  graph.services.mcp = own;
  const server = await startToolServer();
  try {
    expect(await metricsOf(registry, 'agentbase_mcp{')).toEqual({
      'agentbase_mcp{what="connections"}': 0,
      'agentbase_mcp{what="idle"}': 0,
      'agentbase_mcp{what="running"}': 0,
      'agentbase_mcp{what="waiting"}': 0,
    });
    const tenant = await createTenant(graph);
    const id = await readyServer(graph, tenant, server.url);
    await execute(graph, asViewer(tenant), id, 'echo', { message: 'one' });
    await execute(graph, asViewer(tenant), id, 'echo', { message: 'two' });
    server.answer = () => text('no', true);
    await execute(graph, asViewer(tenant), id, 'echo', { message: 'three' });
    // A request that does not reach its server is not counted as a call.
    await execute(graph, asViewer(tenant), id, 'echo', { message: 'no!' });
    const count = (operation: string, outcome: string) =>
      `agentbase_mcp_call_seconds_count{operation="${operation}",transport="STREAMABLE_HTTP",outcome="${outcome}"}`;
    expect(await metricsOf(registry, 'agentbase_mcp_call_seconds_count')).toEqual({
      [count('listTools', 'OK')]: 1,
      [count('listResources', 'OK')]: 1,
      [count('callTool', 'OK')]: 2,
      [count('callTool', 'TOOL_ERROR')]: 1,
    });
    expect(await metricsOf(registry, 'agentbase_mcp{')).toMatchObject({
      'agentbase_mcp{what="connections"}': 1,
      'agentbase_mcp{what="idle"}': 1,
    });
    expect(await registry.metrics()).not.toMatch(/echo|127\.0\.0\.1/);
  } finally {
    graph.services.mcp = mcp;
    await own.close();
    await server.close();
  }
});

test('run metrics count active runs, ended runs by status, and tool calls by source', async () => {
  const { graph, models, agent, conversation, send, untilRun, change } = stage;
  // Runs that other tests of this database have left in the queue must not count.
  await graph.ownerQuery("DELETE FROM pgboss.job WHERE name IN ('run.execute', 'run.failed')");
  const registry = new Registry();
  const runMetrics = createRunMetrics();
  registerRunMetrics(runMetrics, registry);
  const changes: Partial<Services> = { ...stage.changes, runMetrics };
  // Cancelling a run without a worker ends it.
  const { runMetrics: bare } = stage.graph.services;
  stage.graph.services.runMetrics = runMetrics;
  let worker: RunWorker | undefined;
  try {
    const { id, model } = await agent({ tools: [{ name: 'calculator' }] });
    const waits = await send(await conversation(id), 'Never begun');
    await change('cancelAgentRun', { id: waits.run });

    worker = await startRunWorker(stage.graph, changes);
    const [begun, held] = [barrier(), barrier()];
    models.script(
      model,
      requestTool(['calculator', { expression: '1 + 1' }], ['calculator', { expression: 'nonsense' }], ['no_such_tool', {}]),
      async (request) => {
        begun.open();
        await held.opened;
        return reply('Two.')(request);
      },
    );
    const first = await send(await conversation(id), 'What is one and one?');
    await begun.opened;
    expect(await metricsOf(registry, 'agentbase_runs_in_progress')).toEqual({ agentbase_runs_in_progress: 1 });
    held.open();
    expect((await untilRun(first.run)).status).toBe('COMPLETED');
    const unavailable = await agent({ provider: 'nowhere' });
    expect((await untilRun((await send(await conversation(unavailable.id), 'Fail')).run)).status).toBe('FAILED');
    await worker.close();

    expect(await metricsOf(registry, 'agentbase_runs_in_progress')).toEqual({ agentbase_runs_in_progress: 0 });
    expect(await metricsOf(registry, 'agentbase_run_seconds_count')).toEqual({
      'agentbase_run_seconds_count{status="CANCELLED"}': 1,
      'agentbase_run_seconds_count{status="COMPLETED"}': 1,
      'agentbase_run_seconds_count{status="FAILED"}': 1,
    });
    expect(await metricsOf(registry, 'agentbase_tool_call_seconds_count')).toEqual({
      'agentbase_tool_call_seconds_count{source="BUILT_IN",outcome="SUCCEEDED"}': 1,
      'agentbase_tool_call_seconds_count{source="BUILT_IN",outcome="FAILED"}': 1,
      'agentbase_tool_call_seconds_count{source="UNKNOWN",outcome="FAILED"}': 1,
    });
    expect(await registry.metrics()).not.toMatch(/calculator|no_such_tool|Agent/);
  } finally {
    stage.graph.services.runMetrics = bare;
    await worker?.close();
  }
});
