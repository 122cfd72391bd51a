import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { expect, onTestFinished, test } from 'vitest';
import { handleMetrics } from '../../../src/platform/http/metrics-page.ts';

async function statusOf(env: { METRICS_TOKEN: string | undefined; NODE_ENV: string }, authorization?: string) {
  const server = createServer((request, response) => void handleMetrics(new Registry(), env, request, response));
  onTestFinished(() => void server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
  const response = await fetch(url, authorization ? { headers: { authorization } } : {});
  return { status: response.status, text: await response.text() };
}

test('in production without METRICS_TOKEN, /metrics is closed whatever the request carries, and says how to open it', async () => {
  for (const authorization of [undefined, 'Bearer', 'Bearer undefined', 'Bearer x']) {
    const { status, text } = await statusOf({ METRICS_TOKEN: undefined, NODE_ENV: 'production' }, authorization);
    expect(status).toBe(403);
    expect(JSON.parse(text).error).toBe(
      'The metrics are closed: METRICS_TOKEN is not set. Set it and send it as a Bearer token.',
    );
  }
});

test('elsewhere /metrics is open without a token, and everywhere it requires the configured one', async () => {
  expect((await statusOf({ METRICS_TOKEN: undefined, NODE_ENV: 'development' })).status).toBe(200);
  for (const NODE_ENV of ['production', 'development']) {
    const env = { METRICS_TOKEN: 'token', NODE_ENV };
    expect((await statusOf(env)).status).toBe(401);
    expect((await statusOf(env, 'Bearer other')).status).toBe(401);
    expect((await statusOf(env, 'Bearer token')).status).toBe(200);
  }
});
