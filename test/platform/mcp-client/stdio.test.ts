import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { McpCall } from '../../../src/platform/mcp-client/mcp-client.ts';
import {
  createClients,
  everythingStdio,
  failure,
  filesystemStdio,
  isAlive,
  scene,
  scriptedStdio,
  temporaryFolder,
  textOf,
  until,
  whereabouts,
} from './servers.ts';

describe('server-everything', () => {
  test('lists tools, calls one and reads a resource', async () => {
    const clients = createClients();
    const target = everythingStdio();
    const tools = await clients.listTools(target);
    expect(tools.map(({ name }) => name)).toEqual(expect.arrayContaining(['echo', 'get-sum', 'get-structured-content']));
    expect(tools.find(({ name }) => name === 'echo')?.inputSchema).toMatchObject({ type: 'object', required: ['message'] });

    const echoed = await clients.callTool(target, { name: 'echo', arguments: { message: 'hello' } });
    expect(echoed).toMatchObject({ content: [{ type: 'text', text: 'Echo: hello' }], isError: false });
    expect(echoed.serverInfo).toMatchObject({ name: 'mcp-servers/everything' });
    expect(echoed.serverInfo.capabilities).toContain('tools');
    expect(echoed.durationMs).toBeGreaterThanOrEqual(0);

    const call = { name: 'get-structured-content', arguments: { location: 'Chicago' } };
    expect((await clients.callTool(target, call)).structuredContent).toMatchObject({ humidity: 82 });

    const [resource] = await clients.listResources(target);
    const [contents] = await clients.readResource(target, resource?.uri ?? '');
    expect(contents?.uri).toBe(resource?.uri);
    expect(clients.stats()).toEqual({ connections: 1, idle: 1, running: 0, waiting: 0 });
  });

  test('distinguishes invalid arguments, an unknown tool and an unknown resource', async () => {
    const clients = createClients();
    const target = everythingStdio();
    const calls: McpCall[] = [];
    clients.onCall = (call) => void calls.push(call);
    const bad = await clients.callTool(target, { name: 'get-sum', arguments: { a: 'one' } });
    expect(bad.isError).toBe(true);
    expect(textOf(bad)).toContain('Invalid arguments');
    expect(await failure(clients.callTool(target, { name: 'no-such-tool' }))).toMatchObject({ code: 'TOOL_UNKNOWN' });
    expect(await failure(clients.readResource(target, 'demo://no/such'))).toMatchObject({ code: 'PROTOCOL', mayHaveRun: false });
    expect(calls).toMatchObject([
      { operation: 'callTool', transport: 'STDIO', outcome: 'TOOL_ERROR' },
      { operation: 'callTool', outcome: 'TOOL_UNKNOWN' },
      { operation: 'readResource', outcome: 'PROTOCOL' },
    ]);
  });

  test('a long operation reports progress and times out', async () => {
    const clients = createClients();
    const target = everythingStdio();
    const progress: number[] = [];
    const name = 'trigger-long-running-operation';
    await clients.callTool(target, {
      name,
      arguments: { duration: 0.1, steps: 2 },
      onProgress: (step) => void progress.push(step.progress),
    });
    expect(progress).toEqual([1, 2]);

    const late = await failure(clients.callTool(target, { name, arguments: { duration: 60, steps: 1 }, timeoutMs: 100 }));
    expect(late).toMatchObject({ code: 'TIMEOUT', mayHaveRun: true, message: 'The MCP server did not respond within 100 ms.' });
    // The connection is still usable.
    expect(textOf(await clients.callTool(target, { name: 'echo', arguments: { message: 'connected' } }))).toContain('connected');
    expect(clients.stats().connections).toBe(1);
  });

  test('does not inherit the environment of this process', async () => {
    process.env.AGENTBASE_TEST_SECRET = 'confidential';
    const clients = createClients({ path: '/usr/bin:/bin' });
    const target = everythingStdio({ env: { GIVEN: 'by its configuration' } });
    const env = JSON.parse(textOf(await clients.callTool(target, { name: 'get-env' })));
    delete process.env.AGENTBASE_TEST_SECRET;
    expect(env).toEqual({ PATH: '/usr/bin:/bin', GIVEN: 'by its configuration', HOME: env.TMPDIR, TMPDIR: env.HOME });
    expect(env.HOME).toContain('agentbase-mcp-');
  });
});

test('server-filesystem reads only its folder', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'note.txt'), 'remember the milk');
  const clients = createClients();
  const target = filesystemStdio(folder);
  expect((await clients.listTools(target)).map(({ name }) => name)).toContain('read_text_file');
  const call = { name: 'read_text_file', arguments: { path: join(folder, 'note.txt') } };
  expect(textOf(await clients.callTool(target, call))).toBe('remember the milk');
  const outside = await clients.callTool(target, { name: 'read_text_file', arguments: { path: '/etc/hostname' } });
  expect(outside.isError).toBe(true);
  expect(textOf(outside)).toContain('Access denied');
});

describe('a program', () => {
  test('that is killed fails the running call without a retry; the next call restarts it', async () => {
    const { env, heard } = await scene();
    const clients = createClients();
    const target = scriptedStdio([], { env });
    const { pid } = await whereabouts(clients, target);
    const call = failure(clients.callTool(target, { name: 'never' }));
    await until(async () => (await heard('tools/call')).length === 2);
    process.kill(pid, 'SIGKILL');
    expect(await call).toMatchObject({
      code: 'CRASHED',
      mayHaveRun: true,
      message: 'The MCP server exited unexpectedly (SIGKILL).',
    });
    const next = await whereabouts(clients, target);
    expect(next.pid).not.toBe(pid);
    expect((await heard('tools/call')).map(({ params }) => params.name)).toEqual(['where', 'never', 'where']);
  });

  test('that exits between two calls is restarted by the next call', async () => {
    const clients = createClients();
    const target = scriptedStdio();
    const { pid } = await whereabouts(clients, target);
    process.kill(pid, 'SIGKILL');
    await until(() => clients.stats().connections === 0);
    expect((await whereabouts(clients, target)).pid).not.toBe(pid);
  });

  test('that exits during a call is reported with its exit code', async () => {
    const clients = createClients();
    const error = await failure(clients.callTool(scriptedStdio(), { name: 'exit' }));
    expect(error).toMatchObject({ code: 'CRASHED', message: 'The MCP server exited unexpectedly (exit code 3).' });
  });

  test('receives a cancellation when a call is aborted', async () => {
    const { env, heard } = await scene();
    const clients = createClients();
    const target = scriptedStdio([], { env });
    const abort = new AbortController();
    const call = failure(clients.callTool(target, { name: 'never', signal: abort.signal }));
    await until(async () => (await heard('tools/call')).length === 1);
    abort.abort(new Error('an internal reason'));
    expect(await call).toMatchObject({ code: 'ABORTED', mayHaveRun: true });
    await until(async () => (await heard('notifications/cancelled')).length === 1);
    expect(JSON.stringify(await heard('notifications/cancelled'))).not.toContain('internal reason');
    // An abort after the response cancels nothing.
    const later = new AbortController();
    await clients.callTool(target, { name: 'where', signal: later.signal });
    later.abort();
    await whereabouts(clients, target);
    expect(await heard('notifications/cancelled')).toHaveLength(1);
  });

  test('has its own working folder, which is removed with it; its child processes are killed', async () => {
    const clients = createClients({ idleMs: 50 });
    const target = scriptedStdio();
    const { pid, cwd } = await whereabouts(clients, target);
    const child = Number(textOf(await clients.callTool(target, { name: 'child' })));
    expect([existsSync(cwd), isAlive(child)]).toEqual([true, true]);
    await until(() => clients.stats().connections === 0);
    expect([existsSync(cwd), isAlive(pid)]).toEqual([false, false]);
    await until(() => !isAlive(child));
  });

  test('that ignores SIGTERM is killed', async () => {
    const clients = createClients();
    const { pid } = await whereabouts(clients, scriptedStdio(['stubborn']));
    await clients.close();
    expect(isAlive(pid)).toBe(false);
  });

  test('that is missing, cannot start or exits at once is reported', async () => {
    const clients = createClients();
    const missing = await failure(clients.listTools(scriptedStdio([], { command: 'agentbase-no-such-program' })));
    expect(missing).toMatchObject({ code: 'UNREACHABLE', message: 'The program of the MCP server was not found.' });
    const odd = await failure(clients.listTools(scriptedStdio([], { args: ['\0'] })));
    expect(odd).toMatchObject({ code: 'UNREACHABLE', message: 'The program of the MCP server cannot be started.' });
    expect(await failure(clients.listTools(scriptedStdio(['ends'])))).toMatchObject({ code: 'CRASHED', mayHaveRun: false });
    await until(() => clients.stats().connections === 0);
  });
});
