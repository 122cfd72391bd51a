import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { watchOverSse, watchOverWebSocket } from '../platform/live/raw-clients.ts';
import { post } from '../testkit/server.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'agentbase-main-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Running {
  /** The output so far. */
  output: () => string;
  pid: number | undefined;
  url: string;
  stop: () => Promise<number | null>;
}

function start(env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env.PATH, PORT: '0', LOG_LEVEL: 'warn', AGENTBASE_DATA_DIR: folder, ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk));
  return { child, output: () => output, exited: once(child, 'exit').then(([code]) => code as number | null) };
}

async function run(): Promise<Running> {
  const { child, output, exited } = start();
  while (!output().includes('listens at')) {
    if (child.exitCode !== null) throw new Error(`it ended: ${output()}`);
    await Promise.race([once(child.stdout, 'data'), exited]);
  }
  const url = /listens at (\S+)/.exec(output())?.[1] ?? '';
  await post(url, '{ __typename }');
  return {
    output,
    pid: child.pid,
    url,
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

test('the embedded server starts with demo credentials, stores data across a restart, and stops', {
  timeout: 300_000,
}, async () => {
  const first = await run();
  const [, email, password] = /sign in {2}(\S+) \/ (\S+)/.exec(first.output()) ?? [];
  const signedIn = await post(
    first.url,
    'mutation ($email: String!, $password: String!) { signIn(input: { email: $email, password: $password }) { ... on SignInPayload { tenant { name } } } }',
    { email, password },
  );
  expect(signedIn.body.data.signIn.tenant.name).toBe('Acme');
  const authorization = `Bearer ${/API key {2}(\S+)/.exec(first.output())?.[1]}`;
  const overview = '{ conversations { nodes { title messageCount messages { nodes { content } } } } }';
  const before = (await post(first.url, overview, {}, { authorization })).body.data;
  expect(before.conversations.nodes[0]).toMatchObject({ title: 'Where is my order?', messageCount: 4 });

  const second = start();
  expect(await second.exited).toBe(1);
  expect(second.output()).toContain(`is open in process ${first.pid} on `);

  const conversationId = /^ {2}id {7}(\S+)$/m.exec(first.output())?.[1];
  const endings: unknown[] = [];
  let open = 0;
  const watches = [watchOverSse, watchOverWebSocket].map((watch) =>
    watch({
      url: new URL(first.url).origin,
      credential: authorization.slice('Bearer '.length),
      query: 'subscription ($id: ID!) { conversationEvents(conversationId: $id, after: 0) { sequence } }',
      variables: { id: conversationId },
      signal: new AbortController().signal,
      onResult: ({ data, errors }) => {
        if ((data?.conversationEvents as { sequence: number } | undefined)?.sequence === 1) open++;
        if (errors) endings.push(errors[0]?.extensions);
      },
    }).catch(() => {}),
  );
  await vi.waitFor(() => expect(open).toBe(2), { timeout: 10_000 });
  expect(await first.stop()).toBe(0);
  await Promise.all(watches);
  expect(endings).toMatchObject([
    { code: 'SERVER_SHUTDOWN', after: expect.any(Number) },
    { code: 'SERVER_SHUTDOWN', after: expect.any(Number) },
  ]);
  expect(existsSync(join(folder, 'lock'))).toBe(false);
  const again = await run();
  // The same credentials, keys and data.
  expect((await post(again.url, overview, {}, { authorization })).body.data).toEqual(before);
  expect(again.output()).toContain(password);
  expect(await again.stop()).toBe(0);
});

test('an invalid environment is reported in a few lines without a stack', async () => {
  const { output, exited } = start({ PORT: 'seventy', NODE_ENV: 'production' });
  expect(await exited).toBe(1);
  expect(output()).toContain('PORT: expected');
  expect(output()).not.toContain('    at ');
});

test('a port in use is reported in one line without a stack', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const { output, exited } = start({
    PORT: String(port),
    AGENTBASE_DATA_DIR: 'memory://',
    SEED_DEMO: 'false',
    LOG_LEVEL: 'error',
  });
  expect(await exited).toBe(1);
  expect(output()).toBe(`Agentbase could not start.\nlisten EADDRINUSE: address already in use 127.0.0.1:${port}\n`);
  other.close();
});
