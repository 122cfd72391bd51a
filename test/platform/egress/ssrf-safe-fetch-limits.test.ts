import { once } from 'node:events';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ResponseTooLargeError } from '../../../src/platform/egress/limited-body.ts';
import { failure, guardedFetch, startServer } from './net-harness.ts';

const LOOPBACK = { allow: ['127.0.0.0/8'] };

describe('limits', () => {
  const MAX = { ...LOOPBACK, maxResponseBytes: 1000 };
  const stream = { 'content-type': 'text/event-stream; charset=utf-8' };

  test('a body that is too large fails', async () => {
    const { url } = await startServer((request, response) => void response.end('a'.repeat(Number(request.url?.slice(1)))));
    const fetch = guardedFetch(MAX);
    expect(await (await fetch(`${url}/1000`)).text()).toHaveLength(1000);
    expect(await failure((await fetch(`${url}/1001`)).text())).toBeInstanceOf(ResponseTooLargeError);
  });

  test('the size is measured after decompression', async () => {
    const { url } = await startServer((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('a'.repeat(1_000_000)));
    });
    expect(await failure((await guardedFetch(MAX)(url)).text())).toBeInstanceOf(ResponseTooLargeError);
  });

  test('an endless body fails', async () => {
    const closed = Promise.withResolvers<void>();
    const { url } = await startServer((_, response) => {
      const timer = setInterval(() => response.write('a'.repeat(500)), 1);
      response.once('close', () => {
        clearInterval(timer);
        closed.resolve();
      });
    });
    expect(await failure((await guardedFetch(MAX)(url)).text())).toBeInstanceOf(ResponseTooLargeError);
    await closed.promise;
  });

  test.each(['\n', '\r\n', '\r'])('an event stream may be long, with lines that end in %j', async (end) => {
    const event = `event: message${end}data: ${'a'.repeat(800)}${end}${end}`;
    const { url } = await startServer(async (_, response) => {
      response.writeHead(200, stream);
      for (let count = 0; count < 50; count++) {
        response.write(event.slice(0, 817 + (count % 8)));
        await new Promise(setImmediate);
        response.write(event.slice(817 + (count % 8)));
      }
      response.end();
    });
    expect(await (await guardedFetch(MAX)(url)).text()).toBe(event.repeat(50));
  });

  test.each([
    ['one line', `data: ${'a'.repeat(1000)}`],
    ['many lines', 'data: a\n'.repeat(200)],
    ['comments only', ': a\r\n'.repeat(300)],
  ])('an event of %s that is too large fails', async (_, event) => {
    const { url } = await startServer((_, response) => void response.writeHead(200, stream).end(`data: a\n\n${event}`));
    expect(await failure((await guardedFetch(MAX)(url)).text())).toBeInstanceOf(ResponseTooLargeError);
  });

  test('an event arrives immediately', async () => {
    const more = Promise.withResolvers<void>();
    const { url } = await startServer(async (_, response) => {
      response.writeHead(200, stream).write('data: 1\n\n');
      await more.promise;
      response.end('data: 2\n\n');
    });
    // Shorter than the duration of the stream.
    const response = await guardedFetch({ ...MAX, bodyTimeoutMs: 1 })(url);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect(await reader?.read()).toMatchObject({ value: 'data: 1\n\n' });
    more.resolve();
    expect(await reader?.read()).toMatchObject({ value: 'data: 2\n\n' });
    expect(await reader?.read()).toMatchObject({ done: true });
  });

  test('a server that does not respond times out', async () => {
    const { url } = await startServer(() => {});
    const fetch = guardedFetch({ ...LOOPBACK, headersTimeoutMs: 100 });
    expect(await failure(fetch(url))).toMatchObject({ cause: { code: 'UND_ERR_HEADERS_TIMEOUT' } });
  });

  test('a slow body times out', async () => {
    const { url } = await startServer((_, response) => {
      const timer = setInterval(() => response.write('a'), 10);
      response.once('close', () => clearInterval(timer));
    });
    const response = await guardedFetch({ ...LOOPBACK, bodyTimeoutMs: 100 })(url);
    expect(await failure(response.text())).toMatchObject({ name: 'TimeoutError' });
  });

  test('a DNS lookup times out', async () => {
    const fetch = guardedFetch({ resolve: () => new Promise(() => {}), connectTimeoutMs: 20 });
    expect(await failure(fetch('https://mcp.example.com/'))).toMatchObject({ cause: { code: 'EAI_AGAIN' } });
  });

  test('a connection without TLS handshake times out', async () => {
    const server = createTcpServer(() => {}).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const fetch = guardedFetch({ ...LOOPBACK, connectTimeoutMs: 100 });
    expect(await failure(fetch(`https://127.0.0.1:${port}/`))).toMatchObject({ cause: { code: 'UND_ERR_CONNECT_TIMEOUT' } });
  });

  test('an invalid HTTP status is rejected', async () => {
    const server = createTcpServer((socket) => void socket.end('HTTP/1.1 799 Odd\r\ncontent-length: 2\r\n\r\nok')).listen(
      0,
      '127.0.0.1',
    );
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect((await failure(guardedFetch(LOOPBACK)(`http://127.0.0.1:${port}/`))).message).toMatch(/status 799/);
  });

  test('a response without a body is valid', async () => {
    const { url } = await startServer((_, response) => void response.writeHead(204).end());
    expect(await guardedFetch(LOOPBACK)(url)).toMatchObject({ status: 204, body: null });
  });
});
