import { expect } from 'vitest';
import type { TestGraph } from '../../../testkit/graph.ts';
import { asViewer, createTenant, type TestTenant, unique } from '../../../testkit/tenants.ts';
import { configure, execute, mutate, query, type Result, refresh, tools } from '../mcp-fixtures.ts';
import type { Script } from './script.ts';
import { type ScriptedServer, startScripted, type Transport } from './scripted-servers.ts';

export interface ToleranceScene {
  server: ScriptedServer;
  /** Replaces the script and refreshes the server. Returns `refreshError` and the names of the offered tools. */
  list(script: Script): Promise<{ refreshError: string | null; names: string[] }>;
  /** Replaces the script and calls the tool `act`. */
  act(script: Script): Promise<Result>;
  resources(): Promise<{ uri: string; name: string }[]>;
}

/** A scripted server, configured and refreshed in a tenant of its own. */
export async function toleranceScene(
  graph: TestGraph,
  platform: TestTenant,
  transport: Transport,
  script: Script = {},
): Promise<ToleranceScene> {
  const server = await startScripted(transport, script);
  const tenant = await createTenant(graph);
  const owner = asViewer(tenant);
  const input = { name: unique('scripted'), ...server.registration };
  const registrar = transport === 'STDIO' ? asViewer(platform) : owner;
  const { server: registered } = await mutate(graph, registrar, 'registerMcpServer', input, 'server { id }');
  await configure(graph, owner, registered.id, {});
  const again = async () => {
    const { config, message } = await refresh(graph, owner, registered.id);
    expect(config, message).toBeDefined();
    const listed = Object.values(await tools(graph, owner, registered.id));
    const names = listed.filter(({ status }) => status !== 'WITHDRAWN').map(({ name }) => name);
    return { refreshError: config.refreshError, names: names.toSorted() };
  };
  await again();
  return {
    server,
    async list(next) {
      await server.set(next);
      return again();
    },
    async act(next) {
      await server.set(next);
      return execute(graph, owner, registered.id, 'act');
    },
    async resources() {
      const source = 'query ($id: ID!) { mcpServer(id: $id) { config { resources { nodes { uri name } } } } }';
      return (await query(graph, owner, source, { id: registered.id })).mcpServer.config.resources.nodes;
    },
  };
}
