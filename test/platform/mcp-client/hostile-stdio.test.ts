import { Writable } from 'node:stream';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { createClients, failure, isAlive, scene, scriptedStdio, textOf, until, whereabouts } from './servers.ts';

const linux = process.platform === 'linux';

describe.runIf(linux)('memory', () => {
  test.for(['eat', 'eatElsewhere'])('stops a program that exceeds its memory limit: %s', async (name) => {
    const clients = createClients();
    const target = scriptedStdio([], { limits: { memoryMb: 256 } });
    const { pid } = await whereabouts(clients, target);
    const error = await failure(clients.callTool(target, { name }));
    expect(error).toMatchObject({
      code: 'CRASHED',
      mayHaveRun: true,
      message: 'The MCP server exceeded its memory limit of 256 MB and was stopped.',
    });
    await until(() => clients.stats().connections === 0);
    expect(isAlive(pid)).toBe(false);
    expect((await whereabouts(clients, target)).pid).not.toBe(pid);
  });
});

describe('output limits', () => {
  test.for([
    ['endless', 'TOO_LARGE', 'The MCP server wrote a message of more than 1048576 bytes and was stopped.'],
    ['flood', 'PROTOCOL', 'The MCP server sends too many messages.'],
    ['chatter', 'PROTOCOL', 'The MCP server writes text that is not MCP to its standard output and was stopped.'],
  ] as const)('stops a program with endless output: %s', async ([name, code, message]) => {
    const clients = createClients({ maxResultBytes: 1_000 });
    const target = scriptedStdio();
    const { pid } = await whereabouts(clients, target);
    expect(await failure(clients.callTool(target, { name }))).toMatchObject({ code, message, mayHaveRun: true });
    await until(() => clients.stats().connections === 0);
    expect(isAlive(pid)).toBe(false);
  });

  test('a program may log a line for each call, however many calls there are', async () => {
    const clients = createClients();
    const target = scriptedStdio();
    const { pid } = await whereabouts(clients, target);
    for (let calls = 0; calls < 300; calls++) {
      expect(textOf(await clients.callTool(target, { name: 'log' }))).toBe('logged');
    }
    expect((await whereabouts(clients, target)).pid).toBe(pid);
  });

  test('a result that is too large fails alone', async () => {
    const clients = createClients({ maxResultBytes: 10_000 });
    const target = scriptedStdio();
    const { pid } = await whereabouts(clients, target);
    const large = await failure(clients.callTool(target, { name: 'big', arguments: { bytes: 10_000 } }));
    expect(large).toMatchObject({ code: 'TOO_LARGE', mayHaveRun: true, message: 'The result exceeds 10000 bytes.' });
    expect(await failure(clients.callTool(target, { name: 'deep' }))).toMatchObject({ code: 'TOO_LARGE' });
    const most = await clients.callTool(target, { name: 'big', arguments: { bytes: 9_000 } });
    expect(textOf(most)).toHaveLength(9_000);
    expect((await whereabouts(clients, target)).pid).toBe(pid);
  });

  test('limits the length and the size of lists, and rejects endless pagination', async () => {
    const clients = createClients({ maxResultBytes: 50_000 });
    expect(await clients.listTools(scriptedStdio(['list', '250']))).toHaveLength(250);
    expect(await clients.listTools(scriptedStdio(['bare']))).toEqual([]);
    expect(await clients.listResources(scriptedStdio())).toEqual([]);
    const many = await failure(clients.listTools(scriptedStdio(['list', '501'])));
    expect(many).toMatchObject({ code: 'TOO_LARGE', message: 'The MCP server lists more than 500 tools.' });
    const long = await failure(clients.listTools(scriptedStdio(['list', '200', '500'])));
    expect(long).toMatchObject({ code: 'TOO_LARGE', message: 'The list of tools exceeds 50000 bytes.' });
    const round = await failure(clients.listTools(scriptedStdio(['round'])));
    expect(round).toMatchObject({ code: 'PROTOCOL', message: expect.stringContaining('The list of tools has no end') });
  });
});

test('times out if the program does not answer the initialize request', async () => {
  const clients = createClients({ connectTimeoutMs: 700 });
  const error = await failure(clients.listTools(scriptedStdio(['silent'])));
  expect(error).toMatchObject({
    code: 'TIMEOUT',
    mayHaveRun: false,
    message: 'The MCP server did not complete the handshake within 700 ms.',
  });
  await until(() => clients.stats().connections === 0);
});

test('reports an invalid response as PROTOCOL and keeps the connection', async () => {
  const clients = createClients();
  const target = scriptedStdio();
  const { pid } = await whereabouts(clients, target);
  expect(await failure(clients.callTool(target, { name: 'nonsense' }))).toMatchObject({
    code: 'PROTOCOL',
    message: 'The response of the MCP server is not a valid MCP message.',
  });
  expect(await failure(clients.callTool(target, { name: 'missing' }))).toMatchObject({
    code: 'TOOL_UNKNOWN',
    mayHaveRun: false,
    message: 'The MCP server has no tool "missing".',
  });
  expect((await whereabouts(clients, target)).pid).toBe(pid);
});

test('errors and log lines contain no secret', async () => {
  const written: string[] = [];
  const sink = new Writable({ write: (chunk, _, done) => done(void written.push(String(chunk))) });
  const { env } = await scene();
  const clients = createClients({ log: pino({ level: 'debug' }, sink) });
  const target = scriptedStdio([], { env: { ...env, SECRET: 'correct horse battery' } });
  const error = await failure(clients.callTool(target, { name: 'refuse' }));
  expect(error.message).toBe('The MCP server returned an error: no, by [redacted] and so on');
  expect(textOf(await clients.callTool(target, { name: 'greet' }))).toBe('greeted');
  await until(() => written.join('').includes('the secret is [redacted]'));
  expect(written.join('')).not.toContain('horse');
});
