import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { startEverything, temporaryFolder, until } from '../../platform/mcp-client/servers.ts';
import { type TestGraph, testGraph } from '../../testkit/graph.ts';
import { asViewer, createTenant, type TestTenant, unique } from '../../testkit/tenants.ts';
import { configure, execute, loggedCalls, mutate, platformTenant, query, readyServer, refresh, tools } from './mcp-fixtures.ts';

const scriptOf = (name: string) => fileURLToPath(import.meta.resolve(`@modelcontextprotocol/${name}/dist/index.js`));

let graph: TestGraph;
let platform: TestTenant;

beforeAll(async () => {
  graph = await testGraph();
  platform = await platformTenant(graph);
});

/** Registers a STDIO server of the platform that all tenants can see. Returns its id. */
async function registerProgram(args: string[], configSchema: Record<string, unknown> = {}): Promise<string> {
  const input = {
    name: unique('program'),
    transport: 'STDIO',
    platform: true,
    isPublic: true,
    command: process.execPath,
    args,
    configSchema,
  };
  return (await mutate(graph, asViewer(platform), 'registerMcpServer', input, 'server { id }')).server.id;
}

describe('server-everything', () => {
  test('over Streamable HTTP: lists, calls, fails and times out, and records each call', async () => {
    const everything = await startEverything('streamableHttp');
    const tenant = await createTenant(graph, { members: ['MEMBER'] });
    const id = await readyServer(graph, tenant, everything.url);
    const member = asViewer(tenant, 'MEMBER');
    expect(await tools(graph, member, id)).toMatchObject({ echo: { status: 'APPROVED' }, 'get-sum': { status: 'APPROVED' } });
    const list = 'query ($id: ID!) { mcpServer(id: $id) { config { resources(first: 1) { totalCount nodes { id } } } } }';
    const { resources } = (await query(graph, member, list, { id })).mcpServer.config;
    expect(resources.totalCount).toBeGreaterThan(0);
    const read = 'query ($id: ID!) { readMcpResource(id: $id) { text blob } }';
    expect((await query(graph, member, read, resources.nodes[0])).readMcpResource).toHaveLength(1);

    expect(await execute(graph, member, id, 'echo', { message: 'hello' })).toMatchObject({
      output: { content: [{ type: 'text', text: 'Echo: hello' }] },
      execution: { status: 'SUCCESS', serverInstance: expect.stringContaining('everything') },
    });
    expect(
      (await execute(graph, member, id, 'get-structured-content', { location: 'Chicago' })).output.structuredContent,
    ).toBeTruthy();
    expect(await execute(graph, member, id, 'get-sum', { a: 'one', b: 2 })).toMatchObject({ path: ['input', 'arguments', 'a'] });
    const long = { duration: 60, steps: 1 };
    expect(await execute(graph, member, id, 'trigger-long-running-operation', long, { timeoutMs: 200 })).toMatchObject({
      execution: { status: 'TIMEOUT', errorCode: 'TIMEOUT' },
    });
    await everything.stop();
    const { execution } = await execute(graph, member, id, 'echo', { message: 'hello' });
    expect(execution).toMatchObject({ status: 'ERROR' });
    expect((await loggedCalls(graph, tenant)).map(({ tool_name, status }) => [tool_name, status])).toEqual([
      ['echo', 'SUCCESS'],
      ['get-structured-content', 'SUCCESS'],
      ['get-sum', 'ERROR'],
      ['trigger-long-running-operation', 'TIMEOUT'],
      ['echo', 'ERROR'],
    ]);
  });

  test('over stdio: gets only the declared variables of its tenant, and their values are redacted', async () => {
    const id = await registerProgram([scriptOf('server-everything'), 'stdio'], { 'x-env': ['API_TOKEN', 'OTHER'] });
    const tenant = await createTenant(graph);
    const owner = asViewer(tenant);
    for (const name of ['NODE_OPTIONS', 'LD_PRELOAD', 'PATH', 'api_token']) {
      expect(await configure(graph, owner, id, { env: { [name]: '--require=/tmp/x' } })).toMatchObject({
        __typename: 'ValidationError',
        path: ['input', 'env', name],
      });
    }
    expect(await configure(graph, owner, id, { secrets: { Authorization: 'x' } })).toMatchObject({ path: ['input', 'secrets'] });
    const secret = unique('env-secret');
    expect(await configure(graph, owner, id, { env: { API_TOKEN: secret } })).toMatchObject({
      config: { envNames: ['API_TOKEN'] },
    });
    expect(await refresh(graph, owner, id)).toMatchObject({ config: { refreshError: null } });

    const { output } = await execute(graph, owner, id, 'get-env');
    const env = JSON.parse(output.content[0].text);
    expect(env).toMatchObject({ API_TOKEN: '[redacted]' });
    expect(Object.keys(env)).not.toContain('NODE_OPTIONS');
    const before = (await loggedCalls(graph, tenant)).at(-1);
    expect(JSON.stringify(before)).not.toContain(secret);
    expect(await execute(graph, owner, id, 'get-sum', { a: 1, b: 2 })).toMatchObject({ execution: { status: 'SUCCESS' } });

    // Each tenant has its own process and environment.
    const other = await createTenant(graph);
    await configure(graph, asViewer(other), id, {});
    await refresh(graph, asViewer(other), id);
    expect(JSON.parse((await execute(graph, asViewer(other), id, 'get-env')).output.content[0].text).API_TOKEN).toBeUndefined();

    // A changed configuration stops the process that has the old one.
    await until(() => graph.services.mcp.stats().running === 0);
    const { connections } = graph.services.mcp.stats();
    await configure(graph, owner, id, { env: { API_TOKEN: null } });
    await until(() => graph.services.mcp.stats().connections === connections - 1);
    expect(JSON.parse((await execute(graph, owner, id, 'get-env')).output.content[0].text).API_TOKEN).toBeUndefined();
  });
});

describe('server-filesystem over stdio', () => {
  test('reads and writes only below the configured root', async () => {
    const root = await temporaryFolder();
    const folder = join(root, 'with space');
    await mkdir(folder);
    await writeFile(join(folder, 'note.txt'), 'Text of the note.');
    await writeFile(join(root, 'outside.txt'), 'Not for this tenant.');
    await symlink(join(root, 'outside.txt'), join(folder, 'link.txt'));
    const id = await registerProgram([scriptOf('server-filesystem'), '{{root}}'], {
      type: 'object',
      properties: { root: { type: 'string' } },
      required: ['root'],
    });
    const tenant = await createTenant(graph, { members: ['MEMBER'] });
    const owner = asViewer(tenant);
    expect(await configure(graph, owner, id, {})).toMatchObject({ path: ['input', 'config', 'root'] });
    expect(await configure(graph, owner, id, { config: { root: '--help' } })).toMatchObject({ path: ['input', 'config'] });
    await configure(graph, owner, id, { config: { root: folder } });
    expect(await refresh(graph, owner, id)).toMatchObject({ config: { refreshError: null } });

    const member = asViewer(tenant, 'MEMBER');
    const call = (name: string, given: Record<string, unknown>) => execute(graph, member, id, name, given);
    const path = join(folder, 'note.txt');
    expect((await call('read_text_file', { path })).output.content[0].text).toBe('Text of the note.');
    expect(await call('write_file', { path: join(folder, 'new.txt'), content: 'new' })).toMatchObject({
      execution: { status: 'SUCCESS' },
    });
    for (const elsewhere of [
      join(root, 'outside.txt'),
      '/etc/passwd',
      join(folder, 'link.txt'),
      join(folder, '../../mcp', 'outside.txt'),
    ]) {
      const refused = await call('read_text_file', { path: elsewhere });
      expect(refused).toMatchObject({ execution: { status: 'ERROR', errorCode: 'TOOL_ERROR' } });
      expect(JSON.stringify(refused)).not.toContain('Not for this tenant');
    }
    expect(await call('read_text_file', { path: 5 })).toMatchObject({ path: ['input', 'arguments', 'path'] });
    expect(await loggedCalls(graph, tenant)).toHaveLength(7);
  });
});
