import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { AddressNotAllowedError } from '../../../src/platform/egress/check-url.ts';
import { createNetHarness, failure, guardedFetch, type Handler, PUBLIC, PUBLIC_6, startServer } from './net-harness.ts';

const LOOPBACK = { allow: ['127.0.0.0/8'] };

const echo: Handler = async (request, response) => {
  const { method, url, headers } = request;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ method, url, headers, body: await text(request) }));
};

/** Redirects with the status and location of the path, and echoes any other request. */
const redirecting: Handler = (request, response) => {
  const [, status, location] = /^\/(3\d\d)\/(.+)$/.exec(request.url ?? '') ?? [];
  if (!status || !location) return echo(request, response);
  response.writeHead(Number(status), { location: decodeURIComponent(location) }).end('gone');
};

describe('an allowed network', () => {
  test('answers', async () => {
    const { url } = await startServer(echo);
    const fetch = guardedFetch(LOOPBACK);
    const response = await fetch(`${url}/mcp?a=b`, {
      method: 'POST',
      body: '{"a":1}',
      headers: { 'content-type': 'application/json' },
    });
    expect(response).toBeInstanceOf(Response);
    expect(response.headers).toBeInstanceOf(Headers);
    expect({ status: response.status, url: response.url, redirected: response.redirected }).toEqual({
      status: 200,
      url: `${url}/mcp?a=b`,
      redirected: false,
    });
    expect(await response.json()).toMatchObject({ method: 'POST', url: '/mcp?a=b', body: '{"a":1}' });
  });

  test('accepts every argument of fetch', async () => {
    const { url } = await startServer(echo);
    const fetch = guardedFetch(LOOPBACK);
    const headers = { 'x-api-key': 'key' };
    const asked = [
      fetch(new URL(url), { method: 'PUT', headers: new Headers(headers), body: new URLSearchParams({ a: 'b' }) }),
      fetch(new Request(url, { method: 'PUT', headers, body: new URLSearchParams({ a: 'b' }) })),
      fetch(new Request(url, { method: 'PUT' }), { headers: Object.entries(headers), body: new URLSearchParams({ a: 'b' }) }),
    ];
    for (const response of await Promise.all(asked)) {
      const sent = (await response.json()) as { headers: Record<string, string> };
      expect(sent).toMatchObject({ method: 'PUT', body: 'a=b', headers });
      expect(sent.headers['content-type']).toMatch(/^application\/x-www-form-urlencoded/);
    }
  });

  test('can include localhost', async () => {
    const { port } = await startServer(echo);
    expect((await guardedFetch(LOOPBACK)(`http://localhost:${port}/`)).status).toBe(200);
    const elsewhere = guardedFetch({ allow: ['10.0.0.0/8'] });
    expect(await failure(elsewhere(`http://localhost:${port}/`))).toBeInstanceOf(AddressNotAllowedError);
  });

  test('is required for plain http and local names', async () => {
    const names = {
      'mcp.internal': ['10.1.0.1'],
      redis: ['10.2.0.1'],
      'mcp.example.com': [PUBLIC],
      'mixed.example.com': ['10.1.0.1', PUBLIC],
    };
    const { fetch, connections } = await createNetHarness({ names }, { allow: ['10.1.0.0/16'] });
    expect((await fetch('http://mcp.internal/')).status).toBe(200);
    expect((await fetch('https://mcp.internal/')).status).toBe(200);
    expect((await fetch('https://mcp.example.com/')).status).toBe(200);
    expect(connections).toHaveLength(3);
    for (const url of ['http://mcp.example.com/', 'http://mixed.example.com/', 'https://redis/', 'https://printer.local/']) {
      expect(await failure(fetch(url)), url).toBeInstanceOf(AddressNotAllowedError);
    }
    expect(connections).toHaveLength(3);
  });
});

describe('a connection', () => {
  test('uses the checked address, with the name in the Host header and in TLS', async () => {
    const { fetch, connections } = await createNetHarness({ names: { 'mcp.example.com': [PUBLIC] }, handler: echo });
    const response = await fetch('https://mcp.example.com:8443/', { headers: { host: 'other.internal' } });
    expect(await response.json()).toMatchObject({ headers: { host: 'mcp.example.com:8443' } });
    expect(connections).toEqual([{ address: PUBLIC, port: 8443, servername: 'mcp.example.com', timeoutMs: 10_000 }]);
  });

  test('to an IP address has no server name in TLS', async () => {
    const { fetch, lookUps, connections } = await createNetHarness({ handler: echo });
    await fetch(`https://${PUBLIC}/`);
    await fetch(`https://[${PUBLIC_6}]/`);
    expect(connections).toMatchObject([
      { address: PUBLIC, port: 443, servername: null },
      { address: PUBLIC_6, port: 443, servername: null },
    ]);
    expect(lookUps).toEqual([]);
  });

  test('sends the server name in TLS', async () => {
    const asked = Promise.withResolvers<string>();
    const server = createTlsServer({
      SNICallback: (name, done) => {
        asked.resolve(name);
        done(new Error('This server has no certificate.'));
      },
    });
    server.on('tlsClientError', () => {});
    server.listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const fetch = guardedFetch({ ...LOOPBACK, resolve: async () => ['127.0.0.1'] });
    const error = await failure(fetch(`https://mcp.example.com:${port}/`));
    expect(error).toBeInstanceOf(TypeError);
    expect(await asked.promise).toBe('mcp.example.com');
  });

  test('tries at most three addresses in order, IPv4 first', async () => {
    const tried: string[] = [];
    const fetch = guardedFetch({
      resolve: async () => [PUBLIC_6, PUBLIC, '2606::2', '2606::3'],
      connect: async ({ address }) => {
        tried.push(address);
        throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
      },
    });
    const error = await failure(fetch('https://mcp.example.com/'));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.cause).toMatchObject({ errors: Array(3).fill({ code: 'ECONNREFUSED' }) });
    expect(tried).toEqual([PUBLIC, PUBLIC_6, '2606::2']);
  });

  test('is reused, and a new one resolves the name again', async () => {
    const { fetch, lookUps, connections } = await createNetHarness({ handler: echo });
    for (let round = 0; round < 10; round++) await (await fetch('https://mcp.example.com/')).text();
    expect(connections.length).toBeLessThan(10);
    expect(lookUps).toHaveLength(connections.length);
  });

  test('fails with the code of the DNS lookup', async () => {
    const fetch = guardedFetch({
      resolve: async () => {
        throw Object.assign(new Error('unknown'), { code: 'ENOTFOUND' });
      },
    });
    expect(await failure(fetch('https://mcp.example.com/'))).toMatchObject({ cause: { code: 'ENOTFOUND' } });
  });
});

describe('a redirect', () => {
  const to = (location: string, status = 302) => `/${status}/${encodeURIComponent(location)}`;
  const secrets = {
    authorization: 'Bearer secret',
    cookie: 'a=secret',
    'mcp-session-id': 'secret',
    'x-api-key': 'secret',
    'x-custom': 'secret',
    'proxy-authorization': 'secret',
    'last-event-id': 'secret',
  };
  const post = {
    method: 'POST',
    body: '{"a":1}',
    headers: { ...secrets, 'content-type': 'application/json', accept: 'text/html' },
  };

  async function follow(path: string, init: RequestInit) {
    const { fetch } = await createNetHarness({ handler: redirecting });
    const response = await fetch(`https://mcp.example.com${path}`, init);
    // biome-ignore lint/suspicious/noExplicitAny: the echo of a request
    return { response, sent: (await response.json()) as any };
  }

  test.each([
    [301, 'POST', 'GET'],
    [302, 'POST', 'GET'],
    [303, 'POST', 'GET'],
    [307, 'POST', 'POST'],
    [308, 'POST', 'POST'],
    [302, 'DELETE', 'GET'],
    [303, 'PUT', 'GET'],
    [307, 'DELETE', 'DELETE'],
    [302, 'GET', 'GET'],
    [303, 'GET', 'GET'],
  ])('%i turns %s into %s', async (status, method, then) => {
    const { sent, response } = await follow(to('/there', status), { ...post, method, body: method === 'GET' ? null : post.body });
    const isRepeated = method !== 'GET' && method === then;
    expect(sent).toMatchObject({ method: then, url: '/there', body: isRepeated ? post.body : '', headers: secrets });
    if (method !== then) expect(Object.keys(sent.headers).filter((name) => name.startsWith('content-'))).toEqual([]);
    expect(response).toMatchObject({ url: 'https://mcp.example.com/there', redirected: true });
  });

  test.each(['https://other.example.com/there', '//other.example.com/there', 'https://mcp.example.com:8443/there'])(
    'to %s loses all headers that may be secret',
    async (location) => {
      const { sent } = await follow(to(location, 307), post);
      expect(sent).toMatchObject({
        method: 'POST',
        body: post.body,
        headers: { accept: 'text/html', 'content-type': 'application/json' },
      });
      expect(JSON.stringify(sent)).not.toContain('secret');
    },
  );

  test('back to the first origin does not restore removed headers', async () => {
    const { sent } = await follow(to(`https://other.example.com${to('https://mcp.example.com/there', 307)}`, 307), post);
    expect(sent.headers.host).toBe('mcp.example.com');
    expect(JSON.stringify(sent)).not.toContain('secret');
  });

  test('is followed three times, each with a new lookup', async () => {
    const path = to(`https://b.example.com${to(`https://c.example.com${to('https://d.example.com/there')}`)}`);
    const { fetch, lookUps } = await createNetHarness({ handler: redirecting });
    expect((await fetch(`https://a.example.com${path}`)).url).toBe('https://d.example.com/there');
    expect(lookUps).toEqual(['a.example.com', 'b.example.com', 'c.example.com', 'd.example.com']);
  });

  test('drops a fragment, and a redirect status without location is a response', async () => {
    expect((await follow(to('/there#part'), {})).response.url).toBe('https://mcp.example.com/there');
    const { fetch } = await createNetHarness({ handler: (_, response) => void response.writeHead(302).end('nowhere') });
    expect((await fetch('https://mcp.example.com/')).status).toBe(302);
  });

  test('is returned with `manual` and rejected with `error`', async () => {
    const { fetch, connections } = await createNetHarness({ handler: redirecting });
    const url = `https://mcp.example.com${to('https://127.0.0.1/')}`;
    const response = await fetch(url, { redirect: 'manual' });
    expect({ status: response.status, location: response.headers.get('location'), type: response.type }).toEqual({
      status: 302,
      location: 'https://127.0.0.1/',
      type: 'default',
    });
    expect(await response.text()).toBe('gone');
    expect(await failure(fetch(url, { redirect: 'error' }))).toBeInstanceOf(TypeError);
    for (const { address } of connections) expect(address).toBe(PUBLIC);
  });
});

describe('a signal', () => {
  test('aborts a request that waits for its response', async () => {
    const abort = new AbortController();
    const { url } = await startServer(() => abort.abort());
    expect(await failure(guardedFetch(LOOPBACK)(url, { signal: abort.signal }))).toMatchObject({ name: 'AbortError' });
  });

  test('of a Request aborts it, also during the DNS lookup', async () => {
    const abort = new AbortController();
    const resolve = () => {
      setImmediate(() => abort.abort());
      return new Promise<never>(() => {});
    };
    const fetch = guardedFetch({ resolve });
    expect(await failure(fetch(new Request('https://mcp.example.com/', { signal: abort.signal })))).toMatchObject({
      name: 'AbortError',
    });
    expect(await failure(fetch('https://mcp.example.com/', { signal: AbortSignal.abort() }))).toMatchObject({
      name: 'AbortError',
    });
  });

  test('aborts a body and closes the connection', async () => {
    const closed = Promise.withResolvers<void>();
    const { url } = await startServer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
      response.once('close', closed.resolve);
    });
    const abort = new AbortController();
    const response = await guardedFetch(LOOPBACK)(url, { signal: abort.signal });
    const rest = response.text();
    abort.abort();
    expect(await failure(rest)).toMatchObject({ name: 'AbortError' });
    await closed.promise;
  });

  test('is not needed to cancel a body', async () => {
    const closed = Promise.withResolvers<void>();
    const { url } = await startServer((_, response) => {
      response.writeHead(200).write('a');
      response.once('close', closed.resolve);
    });
    await (await guardedFetch(LOOPBACK)(url)).body?.cancel();
    await closed.promise;
  });
});

test('close aborts pending requests', async () => {
  const { url } = await startServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
  });
  const fetch = guardedFetch(LOOPBACK);
  const rest = (await fetch(url)).text();
  await fetch.close();
  expect(await failure(rest)).toBeInstanceOf(Error);
  expect(await failure(fetch(url))).toBeInstanceOf(TypeError);
});
