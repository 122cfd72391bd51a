import { describe, expect, test } from 'vitest';
import { json, type ReceivedRequest, say, startScriptedHttp, status } from './scripted-http.ts';
import { createClients, failure, remote, textOf } from './servers.ts';

const headers = { authorization: 'Bearer correct-horse-battery' };

async function scene() {
  const server = await startScriptedHttp();
  const clients = createClients();
  const target = remote('STREAMABLE_HTTP', server.url, { headers });
  return { server, clients, target, call: (name: string, more = {}) => clients.callTool(target, { name, ...more }) };
}

describe('sessions', () => {
  test('the headers go with every request, and the session is ended with the connection', async () => {
    const { server, clients, call } = await scene();
    expect(textOf(await call('work'))).toBe('done');
    await clients.close();
    expect(server.count('DELETE')).toBe(1);
    for (const heard of server.heard) expect(heard.headers.authorization).toBe(headers.authorization);
    expect(server.heard.at(-1)?.headers).toMatchObject({ 'mcp-session-id': 'session-1', 'mcp-protocol-version': '2025-11-25' });
  });

  const forgets =
    (reply: (heard: ReceivedRequest) => void, isKnown: (session: unknown) => boolean) => (heard: ReceivedRequest) => {
      const session = heard.headers['mcp-session-id'];
      if (heard.method === 'DELETE' || session === undefined || isKnown(session)) return false;
      reply(heard);
      return true;
    };
  const say400 = (words: string) => (heard: ReceivedRequest) => {
    heard.response.writeHead(400, { 'content-type': 'application/json' });
    heard.response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32_000, message: words } }));
  };
  const say200 = (heard: ReceivedRequest) =>
    json(heard, { id: heard.message?.id, error: { code: -32_001, message: 'Session not found' } });

  test.each([
    ['404', status(404)],
    ['410', status(410)],
    ['400 for the session', say400('Bad Request: No valid session ID provided')],
    ['400 for the greeting', say400('Bad Request: Server not initialized')],
    ['an error with status 200', say200],
  ])('a call that the server rejects with %s runs once, in another session', async (_what, reply) => {
    const { server, clients, call } = await scene();
    await call('work');
    const ran: unknown[] = [];
    server.tools.once = (heard) => {
      ran.push(heard.headers['mcp-session-id']);
      say('ran')(heard);
    };
    server.first = forgets(reply, (session) => session !== 'session-1');
    expect(textOf(await call('once'))).toBe('ran');
    expect(ran).toEqual(['session-2']);
    expect(server.count('initialize')).toBe(2);
    expect(clients.stats().connections).toBe(1);
  });

  test('calls at the same time that lose their session run once each', async () => {
    const { server, call } = await scene();
    await call('work');
    let ran = 0;
    server.tools.once = (heard) => {
      ran++;
      say('ran')(heard);
    };
    server.first = forgets(status(404), (session) => session !== 'session-1');
    const results = await Promise.all([1, 2, 3].map(() => call('once')));
    expect([results.map(textOf), ran]).toEqual([['ran', 'ran', 'ran'], 3]);
  });

  test('a server that keeps no session is asked twice at most', async () => {
    const { server, call } = await scene();
    await call('work');
    let lost = 0;
    server.first = (heard) => {
      if (heard.message?.method !== 'tools/call') return false;
      lost++;
      status(404)(heard);
      return true;
    };
    expect(await failure(call('work'))).toMatchObject({
      code: 'CRASHED',
      mayHaveRun: false,
      message: 'The MCP server ended the session. Call again.',
    });
    expect(lost).toBe(2);
  });

  test.each([
    ['400 for another reason', say400('Bad Request: unknown field'), 'UNREACHABLE'],
    ['500', status(500), 'UNREACHABLE'],
  ])('%s is not taken for a lost session', async (_what, reply, code) => {
    const { server, call } = await scene();
    await call('work');
    server.first = forgets(reply, () => false);
    expect(await failure(call('work'))).toMatchObject({ code });
    expect(server.count('tools/call')).toBe(2);
  });
});
