import { Registry } from 'prom-client';
import { beforeAll, expect, test } from 'vitest';
import type { Services } from '../../src/graphql/context.ts';
import { openMcp } from '../../src/mcp/mcp.ts';
import { meterRuns } from '../../src/modules/runs/metrics.ts';
import { createRunMeter } from '../../src/modules/runs/run-meter.ts';
import { meterMcp } from '../../src/server/mcp-metrics.ts';
import { execute, readyServer } from '../mcp/module/kit.ts';
import { startToolServer, text } from '../mcp/module/tool-server.ts';
import { type RunWorker, type Stage, setStage, startRunWorker } from '../runs/fixture.ts';
import { ask, gate, say } from '../runs/scripted-models.ts';
import { asViewer, createTenant } from '../testkit/tenants.ts';

let stage: Stage;

beforeAll(async () => {
  stage = await setStage();
});

/** What a page of metrics says, by name and labels. */
async function told(registry: Registry, name: string): Promise<Record<string, number>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line.startsWith(name));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

test('calls of MCP servers are counted by what was asked and what came of it, without what tenants name', async () => {
  const { graph } = stage;
  const { mcp, log } = graph.services;
  const own = openMcp({ sealer: mcp.sealer, allowedNetworks: ['127.0.0.1'], idleMs: 60_000, maxConnections: 5, log });
  const registry = new Registry();
  meterMcp(own, registry);
  graph.services.mcp = own;
  const server = await startToolServer();
  try {
    expect(await told(registry, 'agentbase_mcp{')).toEqual({
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
    // One that does not reach its server is none of its calls.
    await execute(graph, asViewer(tenant), id, 'echo', { message: 'no!' });
    const count = (operation: string, outcome: string) =>
      `agentbase_mcp_call_seconds_count{operation="${operation}",transport="STREAMABLE_HTTP",outcome="${outcome}"}`;
    expect(await told(registry, 'agentbase_mcp_call_seconds_count')).toEqual({
      [count('listTools', 'OK')]: 1,
      [count('listResources', 'OK')]: 1,
      [count('callTool', 'OK')]: 2,
      [count('callTool', 'TOOL_ERROR')]: 1,
    });
    expect(await told(registry, 'agentbase_mcp{')).toMatchObject({
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

test('runs are counted while they are carried out and by how they end, their tool calls by where they come from', async () => {
  const { graph, models, agent, conversation, send, untilRun, change } = stage;
  // What other tests of this database have queued and left is not to be counted here.
  await graph.ownerQuery("DELETE FROM pgboss.job WHERE name IN ('run.execute', 'run.failed')");
  const registry = new Registry();
  const runMeter = createRunMeter();
  meterRuns(runMeter, registry);
  const changes: Partial<Services> = { ...stage.changes, runMeter };
  // Whoever cancels a run that nobody works on ends it.
  const { runMeter: bare } = stage.graph.services;
  stage.graph.services.runMeter = runMeter;
  let worker: RunWorker | undefined;
  try {
    const { id, model } = await agent({ tools: [{ name: 'calculator' }] });
    const waits = await send(await conversation(id), 'Never begun');
    await change('cancelAgentRun', { id: waits.run });

    worker = await startRunWorker(stage.graph, changes);
    const [begun, held] = [gate(), gate()];
    models.script(
      model,
      ask(['calculator', { expression: '1 + 1' }], ['calculator', { expression: 'nonsense' }], ['no_such_tool', {}]),
      async (request) => {
        begun.open();
        await held.opened;
        return say('Two.')(request);
      },
    );
    const first = await send(await conversation(id), 'What is one and one?');
    await begun.opened;
    expect(await told(registry, 'agentbase_runs_under_way')).toEqual({ agentbase_runs_under_way: 1 });
    held.open();
    expect((await untilRun(first.run)).status).toBe('COMPLETED');
    const nobody = await agent({ provider: 'nowhere' });
    expect((await untilRun((await send(await conversation(nobody.id), 'Fail')).run)).status).toBe('FAILED');
    await worker.close();

    expect(await told(registry, 'agentbase_runs_under_way')).toEqual({ agentbase_runs_under_way: 0 });
    expect(await told(registry, 'agentbase_run_seconds_count')).toEqual({
      'agentbase_run_seconds_count{status="CANCELLED"}': 1,
      'agentbase_run_seconds_count{status="COMPLETED"}': 1,
      'agentbase_run_seconds_count{status="FAILED"}': 1,
    });
    expect(await told(registry, 'agentbase_tool_call_seconds_count')).toEqual({
      'agentbase_tool_call_seconds_count{source="BUILT_IN",outcome="SUCCEEDED"}': 1,
      'agentbase_tool_call_seconds_count{source="BUILT_IN",outcome="FAILED"}': 1,
      'agentbase_tool_call_seconds_count{source="UNKNOWN",outcome="FAILED"}': 1,
    });
    expect(await registry.metrics()).not.toMatch(/calculator|no_such_tool|Agent/);
  } finally {
    stage.graph.services.runMeter = bare;
    await worker?.close();
  }
});
