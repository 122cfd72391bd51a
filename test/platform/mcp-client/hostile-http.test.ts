import { describe, expect, test } from 'vitest';
import {
  event,
  type ReceivedRequest,
  result,
  type ScriptedHttp,
  say,
  startScriptedHttp,
  status,
  stream,
} from './scripted-http.ts';
import { createClients, failure, remote, textOf, until } from './servers.ts';

const headers = { authorization: 'Bearer correct-horse-battery' };

async function scene(options: Parameters<typeof createClients>[0] = {}, limits = {}) {
  const server = await startScriptedHttp();
  const clients = createClients(options);
  const target = remote('STREAMABLE_HTTP', server.url, { headers, limits });
  return { server, clients, target, call: (name: string, more = {}) => clients.callTool(target, { name, ...more }) };
}

describe('sessions', () => {
  test('sends the headers with every request and deletes the session when the connection closes', async () => {
    const { server, clients, call } = await scene();
    expect(textOf(await call('work'))).toBe('done');
    await clients.close();
    expect(server.count('DELETE')).toBe(1);
    for (const heard of server.heard) expect(heard.headers.authorization).toBe(headers.authorization);
    expect(server.heard.at(-1)?.headers).toMatchObject({ 'mcp-session-id': 'session-1', 'mcp-protocol-version': '2025-11-25' });
  });

  test('reports a lost session as CRASHED, and the next call opens another', async () => {
    const { server, clients, call } = await scene();
    await call('work');
    server.first = ({ headers, response }) => {
      if (headers['mcp-session-id'] !== 'session-1') return false;
      response.writeHead(404).end();
      return true;
    };
    const lost = await failure(call('work'));
    expect(lost).toMatchObject({
      code: 'CRASHED',
      mayHaveRun: false,
      message: 'The MCP server lost the session. Retry the call.',
    });
    expect(textOf(await call('work'))).toBe('done');
    expect([server.count('initialize'), server.count('tools/call'), server.count('DELETE')]).toEqual([2, 3, 0]);
    expect(clients.stats().connections).toBe(1);
  });
});

describe('HTTP responses', () => {
  test.for([
    [401, 'REFUSED', 'The MCP server rejects the credentials (HTTP 401).'],
    [429, 'BUSY', 'The MCP server limits the rate of calls (HTTP 429). Retry later.'],
    [502, 'UNREACHABLE', 'The MCP server responded with HTTP 502.'],
  ] as const)('%i is %s', async ([code, expected, message]) => {
    const { server, clients, call } = await scene();
    await call('work');
    server.tools.broken = status(code);
    expect(await failure(call('broken'))).toMatchObject({ code: expected, message, mayHaveRun: code === 502 });
    expect(textOf(await call('work'))).toBe('done');
    server.first = (heard) => {
      status(code)(heard);
      return true;
    };
    const other = remote('STREAMABLE_HTTP', server.url, { headers });
    expect(await failure(clients.listTools(other))).toMatchObject({ code: expected, message, mayHaveRun: false });
  });

  test('follows a redirect only within the origin', async () => {
    const { server, clients, call } = await scene();
    const elsewhere = await startScriptedHttp();
    const redirect = (to: string) => (heard: ReceivedRequest) => {
      if (heard.path !== '/mcp' || heard.method === 'DELETE') return false;
      status(307, { location: to })(heard);
      return true;
    };
    server.first = redirect(elsewhere.url);
    expect(await failure(call('work'))).toMatchObject({
      code: 'REFUSED',
      message: 'The MCP server redirects to another address. Redirects are not followed.',
    });
    expect(elsewhere.heard).toEqual([]);
    server.first = redirect('/mcp/');
    expect(textOf(await call('work'))).toBe('done');
    expect(clients.stats().connections).toBe(1);
  });

  test.for(['STREAMABLE_HTTP', 'SSE'] as const)('reports an address that is not allowed as REFUSED: %s', async (transport) => {
    const refusing = async () => {
      const cause = Object.assign(new Error('The address 10.0.0.1 is not public.'), { name: 'AddressNotAllowedError' });
      throw new TypeError('fetch failed', { cause });
    };
    const clients = createClients({ fetch: refusing });
    const error = await failure(clients.listTools(remote(transport, 'http://internal.example/mcp', { headers })));
    expect(error).toMatchObject({ code: 'REFUSED', mayHaveRun: false, message: 'The address 10.0.0.1 is not public.' });
    const odd = await failure(clients.listTools(remote(transport, 'not a url')));
    expect(odd).toMatchObject({ code: 'UNREACHABLE', message: 'The address of the MCP server is not a valid URL.' });
  });

  test('reports a response that is neither JSON nor an event stream as PROTOCOL', async () => {
    const { server, call } = await scene();
    server.tools.page = ({ response }) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>Hello</p>');
    server.tools.torn = ({ response }) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{"jsonrpc"');
    server.tools.mute = ({ response }) => void response.writeHead(202).end();
    expect(await failure(call('page'))).toMatchObject({ code: 'PROTOCOL' });
    expect(await failure(call('torn'))).toMatchObject({ code: 'PROTOCOL' });
    expect(await failure(call('mute'))).toMatchObject({ code: 'CRASHED', mayHaveRun: true });
    expect(server.count('tools/call')).toBe(3);
  });

  test('error messages contain no secret', async () => {
    const { server, call } = await scene();
    server.tools.echo = (heard) => {
      const { authorization } = heard.headers;
      stream(heard)(event({ id: heard.message.id, error: { code: -32000, message: `bad ${authorization}` } }));
      heard.response.end();
    };
    expect((await failure(call('echo'))).message).toBe('The MCP server returned an error: bad [redacted]');
    const broken = createClients().listTools(remote('STREAMABLE_HTTP', server.url, { headers: { 'x-key': 'two\nlines' } }));
    expect((await failure(broken)).message).toBe('The headers for the MCP server are not valid HTTP headers.');
  });
});

describe('streams', () => {
  test('a stream that ends without the response fails only its own call', async () => {
    const { server, clients, call } = await scene();
    const waiting: ReceivedRequest[] = [];
    server.tools.wait = (heard) => void waiting.push(heard);
    server.tools.cut = (heard) => {
      stream(heard)(event({ method: 'notifications/message', params: { level: 'info', data: 'soon' } }));
      heard.response.end();
    };
    server.tools.reset = (heard) => {
      stream(heard)(': hello\n\n');
      heard.response.destroy();
    };
    const other = call('wait');
    await until(() => waiting.length === 1);
    for (const name of ['cut', 'reset']) {
      expect(await failure(call(name))).toMatchObject({
        code: 'CRASHED',
        mayHaveRun: true,
        message: 'The connection to the MCP server was lost before the response.',
      });
    }
    say('at last')(waiting[0] as ReceivedRequest);
    expect(textOf(await other)).toBe('at last');
    expect([server.count('tools/call'), clients.stats().connections]).toEqual([3, 1]);
  });

  test('resumes a stream with an event id to get the response, and does not repeat the call', async () => {
    const { server, call } = await scene();
    let asked: ReceivedRequest | undefined;
    server.tools.later = (heard) => {
      asked = heard;
      stream(heard)('retry: 10\nid: first/1\ndata:\n\n');
      heard.response.end();
    };
    server.listen = (heard) => {
      if (heard.headers['last-event-id'] !== 'first/1') return status(405)(heard);
      stream(heard)(event({ id: asked?.message.id, result: result('here it is') }));
      heard.response.end();
    };
    expect(textOf(await call('later'))).toBe('here it is');
    expect(server.count('tools/call')).toBe(1);
    server.listen = status(404);
    expect(await failure(call('later'))).toMatchObject({ code: 'CRASHED', mayHaveRun: true });
  });

  test('a timeout cancels the call on the server and closes its stream', async () => {
    const { server, call } = await scene();
    const closed: string[] = [];
    const never = (name: string) => (heard: ReceivedRequest) => {
      heard.response.once('close', () => closed.push(name));
      if (name === 'streaming') stream(heard)('id: 1\ndata:\n\n');
    };
    server.tools = { silent: never('silent'), streaming: never('streaming') };
    for (const name of ['silent', 'streaming']) {
      expect(await failure(call(name, { timeoutMs: 100 }))).toMatchObject({ code: 'TIMEOUT', mayHaveRun: true });
      await until(() => closed.includes(name));
    }
    const cancelled = server.heard.filter(({ message }) => message?.method === 'notifications/cancelled');
    const calls = server.heard.filter(({ message }) => message?.method === 'tools/call');
    expect(cancelled.map(({ message }) => message.params.requestId)).toEqual(calls.map(({ message }) => message.id));
    expect(textOf(await call('work'))).toBe('done');
  });

  test('closes a stream that stays open after the response', async () => {
    const { server, call } = await scene();
    let open = true;
    server.tools.linger = (heard) => {
      heard.response.once('close', () => {
        open = false;
      });
      stream(heard)(event({ id: heard.message.id, result: result('done') }));
    };
    await call('linger');
    await until(() => !open);
  });

  test('stops reconnecting to a stream that always ends at once', async () => {
    const { server, call } = await scene();
    server.listen = (heard) => {
      stream(heard)('retry: 0\n\n');
      heard.response.end();
    };
    await call('work');
    await until(() => server.count('GET') === 60);
    // With `retry: 0`, another request would arrive within a few milliseconds.
    for (let calls = 0; calls < 20; calls++) await call('work');
    expect(server.count('GET')).toBe(60);
  });
});

describe('size limits', () => {
  const endless = (heard: ReceivedRequest, piece: string) => {
    const { response } = heard;
    const write = () => {
      while (!response.destroyed && response.write(piece));
      response.once('drain', write);
    };
    write();
  };

  test.for(['json', 'event'])('an endless response fails only its own call: %s', async (kind) => {
    const { server, clients, call } = await scene({ maxResultBytes: 1_000 });
    let closed = false;
    server.tools.endless = (heard) => {
      heard.response.once('close', () => {
        closed = true;
      });
      const type = kind === 'json' ? 'application/json' : 'text/event-stream';
      heard.response.writeHead(200, { 'content-type': type });
      endless(heard, 'data: and so on\r\n'.repeat(1_000));
    };
    expect(await failure(call('endless'))).toMatchObject({
      code: 'TOO_LARGE',
      mayHaveRun: true,
      message: 'The MCP server sent a message of more than 1048576 bytes.',
    });
    await until(() => closed);
    expect(textOf(await call('work'))).toBe('done');
    expect(clients.stats().connections).toBe(1);
  });

  test('a flood of events closes the connection', async () => {
    const { server, clients, call } = await scene();
    server.tools.flood = (heard) => {
      stream(heard);
      endless(heard, event({ id: 'f', method: 'ping' }));
    };
    expect(await failure(call('flood'))).toMatchObject({ code: 'PROTOCOL', mayHaveRun: true });
    await until(() => clients.stats().connections === 0);
  });
});

describe('SSE', () => {
  async function sse(listen: ScriptedHttp['listen'], connectTimeoutMs = 20_000) {
    const server = await startScriptedHttp();
    server.listen = listen;
    const clients = createClients({ connectTimeoutMs });
    return { server, clients, target: remote('SSE', server.url, { headers }) };
  }

  test('times out if the server never sends its endpoint', async () => {
    const { clients, target } = await sse((heard) => void stream(heard), 300);
    expect(await failure(clients.listTools(target))).toMatchObject({ code: 'TIMEOUT', mayHaveRun: false });
    await until(() => clients.stats().connections === 0);
  });

  test('sends nothing to an endpoint of another origin', async () => {
    const elsewhere = await startScriptedHttp();
    const { clients, target } = await sse((heard) => stream(heard)(`event: endpoint\ndata: ${elsewhere.url}\n\n`));
    expect(await failure(clients.listTools(target))).toMatchObject({ code: 'PROTOCOL', mayHaveRun: false });
    expect(elsewhere.heard).toEqual([]);
  });

  test('reports rejected credentials as REFUSED', async () => {
    const { clients, target } = await sse(status(401));
    expect(await failure(clients.listTools(target))).toMatchObject({ code: 'REFUSED', mayHaveRun: false });
  });

  test('an endless event closes the connection', async () => {
    const { clients, target } = await sse((heard) => {
      const write = stream(heard);
      for (let times = 0; times < 80; times++) write('data: '.padEnd(65_536, 'x'));
    });
    expect(await failure(clients.listTools(target))).toMatchObject({ code: 'TOO_LARGE' });
    await until(() => clients.stats().connections === 0);
  });
});
