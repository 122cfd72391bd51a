import { describe, expect, test } from 'vitest';
import { AddressNotAllowedError } from '../../../src/platform/egress/check-url.ts';
import { HOSTILE_ANSWERS, HOSTILE_URLS } from './hostile-urls.ts';
import { createNetHarness, failure, type Handler, PUBLIC } from './net-harness.ts';

const urls = Object.entries(HOSTILE_URLS).flatMap(([group, list]) => list.map((url) => [group, url] as const));

function redirectTo(location: string, status = 302): Handler {
  return (_, response) => void response.writeHead(status, { location }).end();
}

test('there are more than a hundred unique URLs', () => {
  expect(urls.length).toBeGreaterThan(100);
  expect(new Set(urls.map(([, url]) => url)).size).toBe(urls.length);
});

describe('a hostile URL is rejected', () => {
  test.each(urls)('%s: %j, without DNS lookup or connection', async (_, url) => {
    const { fetch, lookUps, connections } = await createNetHarness({});
    const error = await failure(fetch(url));
    expect(error).toBeInstanceOf(AddressNotAllowedError);
    expect({ lookUps, connections }).toEqual({ lookUps: [], connections: [] });
  });

  test.each(urls)('%s: %j, also with another allowed network', async (_, url) => {
    const names = {
      'metadata.google.internal': ['169.254.169.254'],
      'example.com': ['93.184.216.34'],
      'printer.local': ['93.184.216.34'],
    };
    const { fetch, connections } = await createNetHarness({ names }, { allow: ['10.99.0.0/16', 'fd99::/32'] });
    expect(await failure(fetch(url))).toBeInstanceOf(AddressNotAllowedError);
    expect(connections).toEqual([]);
  });
});

describe('a name is rejected that resolves to', () => {
  test.each(Object.entries(HOSTILE_ANSWERS))('%s', async (_, answer) => {
    const { fetch, lookUps, connections } = await createNetHarness({ names: { 'mcp.example.com': answer } });
    const error = await failure(fetch('https://mcp.example.com/'));
    expect(error).toBeInstanceOf(AddressNotAllowedError);
    expect(error.message).toBe('The host of the address is not on the public internet.');
    expect({ lookUps, connections }).toEqual({ lookUps: ['mcp.example.com'], connections: [] });
  });

  test.each(['127.0.0.1.nip.io', 'localtest.me', 'xn--80ak6aa92e.com', 'a_b.example.com'])('loopback by %s', async (name) => {
    const { fetch, lookUps, connections } = await createNetHarness({ names: { [name]: ['127.0.0.1'] } });
    expect(await failure(fetch(`https://${name}/`))).toBeInstanceOf(AddressNotAllowedError);
    expect({ lookUps, connections }).toEqual({ lookUps: [name], connections: [] });
  });
});

describe('rebinding', () => {
  test('connects to the checked address without a second lookup', async () => {
    const { fetch, lookUps, connections } = await createNetHarness({ rounds: { 'mcp.example.com': [[PUBLIC], ['127.0.0.1']] } });
    expect((await fetch('https://mcp.example.com/')).status).toBe(200);
    expect(lookUps).toEqual(['mcp.example.com']);
    expect(connections.map(({ address }) => address)).toEqual([PUBLIC]);
  });

  test('checks the next connection again', async () => {
    const { fetch, lookUps, connections } = await createNetHarness({
      rounds: { 'mcp.example.com': [[PUBLIC], ['127.0.0.1']] },
      handler: (_, response) => void response.writeHead(200, { connection: 'close' }).end('{}'),
    });
    await (await fetch('https://mcp.example.com/')).text();
    expect(await failure(fetch('https://mcp.example.com/'))).toBeInstanceOf(AddressNotAllowedError);
    expect(lookUps).toHaveLength(2);
    expect(connections).toHaveLength(1);
  });

  test('checks a redirect to the same host again', async () => {
    const { fetch, connections } = await createNetHarness({
      rounds: { 'mcp.example.com': [[PUBLIC], ['169.254.169.254']] },
      handler: (_, response) => void response.writeHead(307, { location: '/again', connection: 'close' }).end(),
    });
    expect(await failure(fetch('https://mcp.example.com/'))).toBeInstanceOf(AddressNotAllowedError);
    expect(connections.map(({ address }) => address)).toEqual([PUBLIC]);
  });
});

describe('a redirect from a public host is not followed', () => {
  // The unambiguous form of a URL on which parsers disagree is not hostile.
  const targets = urls.filter(([group, url]) => group !== 'what parsers disagree about' && URL.canParse(url));

  test('with any status', () => {
    expect(targets.length).toBeGreaterThan(100);
  });

  test.each(targets)('to %s: %j', async (_, url) => {
    const location = new URL(url).href;
    const { fetch, lookUps, connections } = await createNetHarness({ handler: redirectTo(location) });
    const error = await failure(fetch('https://mcp.example.com/'));
    expect(error).toBeInstanceOf(AddressNotAllowedError);
    expect(error.message).toMatch(/^The server redirects to an address that is not allowed\./);
    expect(lookUps).toEqual(['mcp.example.com']);
    expect(connections.map(({ address }) => address)).toEqual([PUBLIC]);
  });

  test.each(Object.entries(HOSTILE_ANSWERS))('to a name that resolves to %s', async (_, answer) => {
    const names = { 'other.example.com': answer };
    const { fetch, connections } = await createNetHarness({ names, handler: redirectTo('https://other.example.com/') });
    expect(await failure(fetch('https://mcp.example.com/'))).toBeInstanceOf(AddressNotAllowedError);
    expect(connections.map(({ address }) => address)).toEqual([PUBLIC]);
  });

  test.each([301, 302, 303, 307, 308])('with status %i', async (status) => {
    const { fetch, connections } = await createNetHarness({ handler: redirectTo('https://127.0.0.1/', status) });
    const error = await failure(fetch('https://mcp.example.com/', { method: 'POST', body: '{}' }));
    expect(error).toBeInstanceOf(AddressNotAllowedError);
    expect(connections).toHaveLength(1);
  });

  test('from https to http, even to an allowed network', async () => {
    const handler = redirectTo('http://10.99.0.1/');
    const { fetch, connections } = await createNetHarness({ handler }, { allow: ['10.99.0.0/16'] });
    expect(await failure(fetch('https://mcp.example.com/'))).toBeInstanceOf(AddressNotAllowedError);
    expect(connections).toHaveLength(1);
  });

  test('at the end of a chain', async () => {
    const chain: Record<string, string> = {
      'a.example.com': 'https://b.example.com/',
      'b.example.com': '//c.example.com/',
      'c.example.com': 'https://127.0.0.1/',
    };
    const { fetch, connections } = await createNetHarness({
      handler: (request, response) => void response.writeHead(302, { location: chain[request.headers.host ?? ''] ?? '' }).end(),
    });
    expect(await failure(fetch('https://a.example.com/'))).toBeInstanceOf(AddressNotAllowedError);
    expect(connections.map(({ servername }) => servername)).toEqual(['a.example.com', 'b.example.com', 'c.example.com']);
  });

  test('for the fourth time', async () => {
    let asked = 0;
    const { fetch, connections } = await createNetHarness({
      handler: (_, response) => void response.writeHead(302, { location: `https://host-${++asked}.example.com/` }).end(),
    });
    const error = await failure(fetch('https://mcp.example.com/'));
    expect(error).toBeInstanceOf(AddressNotAllowedError);
    expect(error.message).toBe('The server redirects too many times.');
    expect(connections).toHaveLength(4);
  });
});
