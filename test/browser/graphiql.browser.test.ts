import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { apiKey, conversation, type NewTenant, post, signUp, startTestServer, type TestServer } from '../testkit/server.ts';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

let server: TestServer;
let browser: Browser;
let page: Page;
let tenant: NewTenant;
let ids: { agentId: string; conversationId: string };
const elsewhere: string[] = [];

beforeAll(async () => {
  server = await startTestServer();
  tenant = await signUp(server.url);
  ids = await conversation(server.url, tenant);
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium', args: FLAGS });
});
afterAll(async () => {
  await page?.screenshot({ path: join(tmpdir(), 'agentbase-graphiql.png') });
  await browser?.close();
  await server.close();
});

/** Opens GraphiQL through a link with an operation, in a browser without stored data, and signs in there. */
async function open(query: string): Promise<void> {
  page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  page.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (!['data:', 'blob:'].includes(protocol) && hostname !== '127.0.0.1') elsewhere.push(request.url());
  });
  await page.goto(`${server.url}?query=${encodeURIComponent(query)}`, { waitUntil: 'load' });
  await page.locator('.graphiql-query-editor .view-line').first().waitFor();
  await page.getByRole('button', { name: 'Headers' }).click();
  await page.locator('.graphiql-editor-tool .graphiql-editor:not(.hidden)').click();
  await page.keyboard.insertText(JSON.stringify(tenant.authorization));
}

const result = () => page.locator('.result-window');

/** Editors report their text with a delay: presses the button until the result appears. */
async function runUntil(text: string): Promise<void> {
  await vi.waitFor(
    async () => {
      await page.locator('.graphiql-execute-button').click();
      await result().getByText(text).first().waitFor({ timeout: 2_000 });
    },
    { timeout: 15_000 },
  );
}

test('a query runs with the credential of the headers pane', async () => {
  await open('query Me { viewer { role user { email } } agents { totalCount } }');
  await runUntil(tenant.email);
  await result().getByText('"OWNER"', { exact: true }).waitFor();
});

test('a subscription receives a message that another client appends', async () => {
  await open(
    `subscription Watch { conversationEvents(conversationId: "${ids.conversationId}", after: 0) { sequence type message { role content } } }`,
  );
  await runUntil('CONVERSATION_CREATED');
  const key = await apiKey(server.url, tenant, ['CONVERSATIONS_WRITE']);
  await post(
    server.url,
    'mutation ($id: ID!) { appendMessage(input: { conversationId: $id, role: ASSISTANT, content: "Hello from elsewhere" }) { __typename } }',
    { id: ids.conversationId },
    key,
  );
  await result().getByText('Hello from elsewhere').waitFor({ timeout: 15_000 });
});

test('the page requests nothing from other servers', () => {
  expect(elsewhere).toEqual([]);
});
