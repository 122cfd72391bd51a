import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { post } from '../testkit/server.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'agentbase-main-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Running {
  /** Everything it printed so far. */
  output: () => string;
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
    url,
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

test('the embedded server starts, lets the demo in, keeps what it was told, and stops', { timeout: 60_000 }, async () => {
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
  expect(second.output()).toMatch(/is open in process \d+/);

  expect(await first.stop()).toBe(0);
  const again = await run();
  // The same credentials, keys and data.
  expect((await post(again.url, overview, {}, { authorization })).body.data).toEqual(before);
  expect(again.output()).toContain(password);
  expect(await again.stop()).toBe(0);
});

test('a bad environment is told in a few plain lines', async () => {
  const { output, exited } = start({ PORT: 'seventy', NODE_ENV: 'production' });
  expect(await exited).toBe(1);
  expect(output()).toContain('PORT: expected');
  expect(output()).not.toContain('    at ');
});
