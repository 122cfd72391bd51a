import { expect, test } from 'vitest';
import { createClients, failure, isAlive, scene, scriptedStdio, until, whereabouts } from './servers.ts';

test('concurrent calls of one key share a connection, and each key has its own', async () => {
  const { env, heard } = await scene();
  const clients = createClients();
  const target = scriptedStdio([], { env });
  const answers = await Promise.all(Array.from({ length: 8 }, () => whereabouts(clients, target)));
  expect(new Set(answers.map(({ pid }) => pid)).size).toBe(1);
  expect(await heard('initialize')).toHaveLength(1);
  const other = await whereabouts(clients, { ...target, key: `${target.key} of another tenant` });
  expect(other.pid).not.toBe(answers[0]?.pid);
  expect(clients.stats()).toEqual({ connections: 2, idle: 2, running: 0, waiting: 0 });
});

test('limits concurrent calls per server and the length of the queue', async () => {
  const { env, open } = await scene();
  const clients = createClients();
  const target = scriptedStdio([], { env, limits: { concurrency: 2 } });
  const calls = Array.from({ length: 2 + 32 }, () => clients.callTool(target, { name: 'wait' }));
  await until(() => clients.stats().running === 2);
  expect(clients.stats().waiting).toBe(32);
  const refused = await failure(clients.callTool(target, { name: 'wait' }));
  expect(refused).toMatchObject({
    code: 'BUSY',
    mayHaveRun: false,
    message: 'Too many calls are queued for this MCP server. Retry later.',
  });
  await open();
  expect(await Promise.all(calls)).toHaveLength(34);
  expect((await whereabouts(clients, target)).mostAtOnce).toBe(2);
});

test('a queued call that times out or is aborted leaves the queue without being sent', async () => {
  const { env, heard } = await scene();
  const clients = createClients();
  const target = scriptedStdio([], { env, limits: { concurrency: 1 } });
  const abort = new AbortController();
  const first = failure(clients.callTool(target, { name: 'never', signal: abort.signal }));
  await until(async () => (await heard('tools/call')).length === 1);
  const late = await failure(clients.callTool(target, { name: 'where', timeoutMs: 50 }));
  expect(late).toMatchObject({ code: 'BUSY', mayHaveRun: false });
  const gone = new AbortController();
  const waiting = failure(clients.callTool(target, { name: 'where', signal: gone.signal }));
  gone.abort();
  expect(await waiting).toMatchObject({ code: 'ABORTED', mayHaveRun: false });
  abort.abort();
  expect(await first).toMatchObject({ code: 'ABORTED', mayHaveRun: true });
  expect(await heard('tools/call')).toHaveLength(1);
  expect(await failure(clients.callTool(target, { name: 'where', signal: AbortSignal.abort() }))).toMatchObject({
    code: 'ABORTED',
  });
});

test('an abort while the connection opens does not fail the other callers', async () => {
  const { env, open, heard } = await scene();
  const clients = createClients();
  const target = scriptedStdio(['slow'], { env });
  const abort = new AbortController();
  const impatient = failure(clients.callTool(target, { name: 'where', signal: abort.signal }));
  const patient = whereabouts(clients, target);
  await until(async () => (await heard('initialize')).length === 1);
  abort.abort();
  expect(await impatient).toMatchObject({ code: 'ABORTED', mayHaveRun: false });
  await open();
  expect((await patient).pid).toBeGreaterThan(0);
  expect(await heard('initialize')).toHaveLength(1);
});

test('a full pool evicts the connection idle for longest, and reports BUSY if none is idle', async () => {
  const { env, open, heard } = await scene();
  const clients = createClients({ maxConnections: 2 });
  const [a, b, c] = [scriptedStdio([], { env }), scriptedStdio([], { env }), scriptedStdio([], { env })];
  const pids = { a: (await whereabouts(clients, a)).pid, b: (await whereabouts(clients, b)).pid };
  await whereabouts(clients, a);
  await whereabouts(clients, c);
  expect([isAlive(pids.a), isAlive(pids.b)]).toEqual([true, false]);
  expect(clients.stats().connections).toBe(2);

  const calls = [clients.callTool(a, { name: 'wait' }), clients.callTool(c, { name: 'wait' })];
  await until(async () => (await heard('tools/call')).filter(({ params }) => params.name === 'wait').length === 2);
  const refused = await failure(clients.callTool(b, { name: 'where' }));
  expect(refused).toMatchObject({ code: 'BUSY', message: 'All connections to MCP servers are in use. Retry later.' });
  await open();
  await Promise.all(calls);
  await whereabouts(clients, b);
});

test('one owner uses at most half of the pool and evicts only its own idle connections', async () => {
  const { env, open, heard } = await scene();
  const clients = createClients({ maxConnections: 4 });
  const of = (owner: string) => scriptedStdio([], { env, owner });
  const [a, b, c] = [of('busy'), of('busy'), of('busy')];
  const calls = [clients.callTool(a, { name: 'wait' })];
  const idle = await whereabouts(clients, b);
  await whereabouts(clients, c);
  expect(isAlive(idle.pid)).toBe(false);
  calls.push(clients.callTool(c, { name: 'wait' }));
  await until(async () => (await heard('tools/call')).filter(({ params }) => params.name === 'wait').length === 2);
  const refused = await failure(clients.callTool(b, { name: 'where' }));
  expect(refused).toMatchObject({
    code: 'BUSY',
    message: 'This tenant uses half of the connections to MCP servers, which is its limit. Retry later.',
  });
  await whereabouts(clients, of('other'));
  await open();
  await Promise.all(calls);
  await whereabouts(clients, b);
});

test('closes a connection after its idle time, but not while a call runs', async () => {
  const { env, open, heard } = await scene();
  const clients = createClients({ idleMs: 100 });
  const target = scriptedStdio([], { env });
  const call = clients.callTool(target, { name: 'wait' });
  await until(async () => (await heard('tools/call')).length === 1);
  const idle = scriptedStdio([]);
  const { pid } = await whereabouts(clients, idle);
  await until(() => !isAlive(pid));
  expect(clients.stats()).toMatchObject({ running: 1 });
  await open();
  await call;
  await until(() => clients.stats().connections === 0);
  // The next call opens it again.
  await whereabouts(clients, target);
});

test('forgetting a key closes its connection after the running calls end', async () => {
  const { env, open, heard } = await scene();
  const clients = createClients();
  const target = scriptedStdio([], { env });
  const { pid } = await whereabouts(clients, target);
  const call = clients.callTool(target, { name: 'wait' });
  await until(async () => (await heard('tools/call')).length === 2);
  await clients.forget(target.key);
  const next = await whereabouts(clients, target);
  expect(next.pid).not.toBe(pid);
  await open();
  expect((await call).isError).toBe(false);
  await until(() => !isAlive(pid));
  await clients.forget(target.key);
  expect(clients.stats().connections).toBe(0);
  await clients.forget('an unknown key');
});

test('close aborts running, queued and connecting calls', async () => {
  const { env, heard } = await scene();
  const clients = createClients();
  const target = scriptedStdio([], { env, limits: { concurrency: 1 } });
  const calls = [
    failure(clients.callTool(target, { name: 'never' })),
    failure(clients.callTool(target, { name: 'never' })),
    failure(clients.callTool(scriptedStdio(['slow'], { env }), { name: 'never' })),
  ];
  await until(async () => (await heard('tools/call')).length === 1 && (await heard('initialize')).length === 2);
  await clients.close();
  expect(clients.stats()).toEqual({ connections: 0, idle: 0, running: 0, waiting: 0 });
  for (const call of calls) expect(await call).toMatchObject({ code: 'ABORTED', message: 'This server is shutting down.' });
  expect((await Promise.all(calls)).map(({ mayHaveRun }) => mayHaveRun)).toEqual([true, false, false]);
  expect(await failure(clients.serverInfo(target))).toMatchObject({ code: 'ABORTED' });
  await clients.close();
});
