import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSsrfSafeFetch } from '../../../src/platform/egress/ssrf-safe-fetch.ts';
import { createClients, type EverythingServer, failure, remote, startEverything, textOf, until } from './servers.ts';

const long = 'trigger-long-running-operation';
const servers: Partial<Record<'SSE' | 'STREAMABLE_HTTP', EverythingServer>> = {};

beforeAll(async () => {
  servers.STREAMABLE_HTTP = await startEverything('streamableHttp');
  servers.SSE = await startEverything('sse');
});

afterAll(async () => {
  for (const server of Object.values(servers)) await server.stop();
});

describe.for(['STREAMABLE_HTTP', 'SSE'] as const)('server-everything over %s', (transport) => {
  const server = () => servers[transport] as EverythingServer;

  test('lists tools, calls one and reads a resource', async () => {
    const clients = createClients();
    const target = remote(transport, server().url);
    expect((await clients.listTools(target)).map(({ name }) => name)).toContain('echo');
    const echoed = await clients.callTool(target, { name: 'echo', arguments: { message: 'hello' } });
    expect(echoed).toMatchObject({ content: [{ type: 'text', text: 'Echo: hello' }], isError: false });
    expect(await clients.serverInfo(target)).toEqual(echoed.serverInfo);
    const [resource] = await clients.listResources(target);
    expect(await clients.readResource(target, resource?.uri ?? '')).toHaveLength(1);
    expect(clients.stats().connections).toBe(1);
  });

  test('distinguishes invalid arguments, an unknown tool and an unknown resource', async () => {
    const clients = createClients();
    const target = remote(transport, server().url);
    expect((await clients.callTool(target, { name: 'get-sum', arguments: { a: 'one' } })).isError).toBe(true);
    expect(await failure(clients.callTool(target, { name: 'no-such-tool' }))).toMatchObject({ code: 'TOOL_UNKNOWN' });
    expect(await failure(clients.readResource(target, 'demo://no/such'))).toMatchObject({ code: 'PROTOCOL', mayHaveRun: false });
  });

  test('is reached through the guarded fetch if its address is allowed', async () => {
    const target = remote(transport, server().url);
    const guarded = createSsrfSafeFetch({ allow: ['127.0.0.0/8'] });
    const clients = createClients({ fetch: guarded });
    expect(textOf(await clients.callTool(target, { name: 'echo', arguments: { message: 'hello' } }))).toBe('Echo: hello');
    await clients.close();
    await guarded.close();
    const strict = createSsrfSafeFetch();
    expect(await failure(createClients({ fetch: strict }).listTools(target))).toMatchObject({
      code: 'REFUSED',
      mayHaveRun: false,
    });
    await strict.close();
  });

  test('a long operation reports progress and times out', async () => {
    const clients = createClients();
    const target = remote(transport, server().url);
    const progress: number[] = [];
    const onProgress = (step: { progress: number }) => void progress.push(step.progress);
    await clients.callTool(target, { name: long, arguments: { duration: 0.2, steps: 2 }, onProgress });
    expect(progress[0]).toBe(1);
    const call = { name: long, arguments: { duration: 60, steps: 1 }, timeoutMs: 100 };
    expect(await failure(clients.callTool(target, call))).toMatchObject({ code: 'TIMEOUT', mayHaveRun: true });
    expect(textOf(await clients.callTool(target, { name: 'echo', arguments: { message: 'connected' } }))).toContain('connected');
    expect(clients.stats().connections).toBe(1);
  });

  test('a killed server fails the running call; after a restart the client reconnects', async () => {
    const clients = createClients();
    const target = remote(transport, server().url);
    const progress: number[] = [];
    const call = failure(
      clients.callTool(target, {
        name: long,
        arguments: { duration: 60, steps: 600 },
        onProgress: (step) => void progress.push(step.progress),
      }),
    );
    await until(() => progress.length > 0);
    await server().stop();
    expect(await call).toMatchObject({ code: 'CRASHED', mayHaveRun: true });
    expect(await failure(clients.listTools(target))).toMatchObject({
      code: 'UNREACHABLE',
      mayHaveRun: false,
      message: 'The MCP server refuses connections.',
    });
    await server().restart();
    expect(await clients.listTools(target)).not.toEqual([]);
  });

  test('a session lost while idle fails at most one call, which has not run', async () => {
    const clients = createClients();
    const target = remote(transport, server().url);
    await clients.listTools(target);
    await server().restart();
    const calls = [];
    for (let tries = 0; tries < 2; tries++) {
      calls.push(await clients.callTool(target, { name: 'echo', arguments: { message: 'again' } }).catch((error) => error));
    }
    expect(calls[1]).toMatchObject({ isError: false });
    if (!('isError' in calls[0])) expect(calls[0]).toMatchObject({ code: 'UNREACHABLE', mayHaveRun: false });
  });
});
