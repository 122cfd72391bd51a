import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { conversation, type NewTenant, post, signUp } from '../testkit/server.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const ROUNDS = 3;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agentbase-killed-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
});

function spawnServer(): ChildProcess & { stdout: NonNullable<ChildProcess['stdout']> } {
  const env = { PATH: process.env.PATH, PORT: '0', LOG_LEVEL: 'silent', AGENTBASE_DATA_DIR: folder, SEED_DEMO: 'false' };
  const child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child as ReturnType<typeof spawnServer>;
}

async function start() {
  const child = spawnServer();
  let output = '';
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    output += chunk;
    const [, url] = /listens at (\S+)/.exec(output) ?? [];
    if (url) return { child, url };
  }
  throw new Error(`the server ended: ${output}`);
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

const APPEND =
  'mutation ($id: ID!, $content: String!) { appendMessage(input: { conversationId: $id, role: USER, content: $content }) { __typename } }';
const MESSAGES =
  'query ($id: ID!, $after: String) { conversation(id: $id) { messages(first: 100, after: $after) { nodes { content } pageInfo { endCursor hasNextPage } } } }';

async function contentsOf(url: string, id: string, { authorization }: NewTenant): Promise<string[]> {
  const contents: string[] = [];
  let after: string | null = null;
  do {
    const { body } = await post(url, MESSAGES, { id, after }, authorization);
    const { nodes, pageInfo } = body.data.conversation.messages;
    contents.push(...nodes.map(({ content }: { content: string }) => content));
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
  } while (after !== null);
  return contents;
}

test('an embedded server that is killed while it writes loses nothing that it acknowledged, and starts again at once', {
  timeout: 300_000,
}, async () => {
  let { child, url } = await start();
  const tenant = await signUp(url);
  const { conversationId } = await conversation(url, tenant);
  const acknowledged: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const writers = Array.from({ length: 4 }, async (_unused, writer) => {
      for (let number = 0; ; number++) {
        const content = `${round} ${writer} ${number}`;
        const reply = await post(url, APPEND, { id: conversationId, content }, tenant.authorization).catch(() => undefined);
        if (reply?.body.data?.appendMessage.__typename !== 'AppendMessagePayload') return;
        acknowledged.push(content);
      }
    });
    const target = acknowledged.length + 10 + 7 * round;
    await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(target), { timeout: 60_000, interval: 5 });
    await kill(child);
    await Promise.all(writers);
    ({ child, url } = await start());
    expect(await contentsOf(url, conversationId, tenant)).toEqual(expect.arrayContaining(acknowledged));
  }
  expect(acknowledged.length).toBeGreaterThan(30);
});

test('an embedded server that is killed during its first start starts again', { timeout: 120_000 }, async () => {
  const child = spawnServer();
  await vi.waitFor(() => expect(existsSync(join(folder, 'postgres', 'PG_VERSION'))).toBe(true), { timeout: 60_000, interval: 1 });
  await kill(child);
  expect(existsSync(join(folder, 'postgres.unfinished'))).toBe(true);
  const { url } = await start();
  expect((await post(url, '{ __typename }')).body.data).toEqual({ __typename: 'Query' });
  expect(existsSync(join(folder, 'postgres.unfinished'))).toBe(false);
});
