import { once } from 'node:events';
import { request } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { type App, createApp } from '../../src/app/app.ts';
import { printStartupBanner } from '../../src/app/startup-banner.ts';
import { readEnv } from '../../src/env.ts';
import { createLogger } from '../../src/platform/lib/logger.ts';
import { post } from '../testkit/server.ts';

async function start(change: Record<string, string> = {}): Promise<{ app: App; origin: string }> {
  const env = readEnv({ NODE_ENV: 'development', PORT: '0', AGENTBASE_DATA_DIR: 'memory://', LOG_LEVEL: 'silent', ...change });
  const app = await createApp(env, { log: createLogger('silent') });
  onTestFinished(() => app.close());
  await printStartupBanner(env, app);
  return { app, origin: await app.listen() };
}

/** The page as a browser requests it. `fetch` would not send another Host header. */
async function pageOf(origin: string, headers: Record<string, string> = {}) {
  const sent = request(`${origin}/graphql`, { headers: { accept: 'text/html', ...headers } }).end();
  const [response] = await once(sent, 'response');
  let html = '';
  for await (const chunk of response) html += chunk;
  const [, authorization] = /"Authorization":"(Bearer [^"]+)"/.exec(html) ?? [];
  return { status: response.statusCode, headers: response.headers, html, authorization };
}

test('GraphiQL of the embedded demo is signed in as the demo owner, for browsers on this machine only', async () => {
  const { origin } = await start();
  const page = await pageOf(origin);
  expect(page).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store', 'x-frame-options': 'DENY' } });
  expect(page.html).toContain('This page is signed in as owner@acme.test');
  const { body } = await post(
    `${origin}/graphql`,
    '{ viewer { role user { email } } tenant { name } }',
    {},
    {
      authorization: page.authorization ?? '',
    },
  );
  expect(body).toMatchObject({
    data: { viewer: { role: 'OWNER', user: { email: 'owner@acme.test' } }, tenant: { name: 'Acme' } },
  });

  const local = new URL(origin);
  expect((await pageOf(origin, { host: `localhost:${local.port}` })).authorization).toBeDefined();
  const foreign: Record<string, string>[] = [
    { host: 'rebound.example.test' },
    { host: 'localhost.example.test' },
    { host: '127.0.0.1.example.test' },
    { 'x-forwarded-for': '203.0.113.7' },
    { forwarded: 'for=203.0.113.7' },
  ];
  for (const headers of foreign) {
    const refused = await pageOf(origin, headers);
    expect(refused.authorization).toBeUndefined();
    expect(refused.html).not.toContain('signed in as');
  }
});

test.each([
  ['without demo tenants', { SEED_DEMO: 'false' }],
  ['outside development', { NODE_ENV: 'test' }],
])('GraphiQL is signed out %s', async (_case, change) => {
  const { origin } = await start(change);
  const page = await pageOf(origin);
  expect(page.status).toBe(200);
  expect(page.authorization).toBeUndefined();
  expect(page.html).toContain('Put a credential into the Headers pane');
});
