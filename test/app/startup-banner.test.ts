import { afterAll, beforeAll, expect, test } from 'vitest';
import { printStartupBanner } from '../../src/app/startup-banner.ts';
import { readEnv } from '../../src/env.ts';
import { signUp, startTestServer, type TestServer } from '../testkit/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

test('a database with tenants gets no demo and starts', async () => {
  await signUp(server.url);
  const greeting = await printStartupBanner(readEnv({ SEED_DEMO: 'true', AGENTBASE_DATA_DIR: 'memory://' }), server.app);
  expect(greeting('http://127.0.0.1:4000')).toContain('http://127.0.0.1:4000/graphql');
  expect(greeting('http://127.0.0.1:4000')).not.toContain('Demo tenant');
});
