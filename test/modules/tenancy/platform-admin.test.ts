import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { connectEmbedded } from '../../../src/app/connections.ts';
import { openDataFolder } from '../../../src/app/data-folder.ts';
import { readEnv } from '../../../src/env.ts';
import { listPlatformAdmins, setPlatformAdmin } from '../../../src/modules/tenancy/accounts/platform-admins.ts';
import { newId } from '../../../src/platform/lib/ids.ts';
import { type TestGraph, testGraph } from '../../testkit/graph.ts';
import { runScript } from '../../testkit/run-script.ts';
import { asViewer, createTenant, type TestTenant } from '../../testkit/tenants.ts';
import { mutate } from '../tool-servers/mcp-fixtures.ts';

let graph: TestGraph;
let tenant: TestTenant;
let email: string;

beforeAll(async () => {
  graph = await testGraph();
  tenant = await createTenant(graph);
  const [user] = await graph.ownerQuery<{ email: string }>('SELECT email FROM users WHERE id = $1', [tenant.owner.userId]);
  email = user?.email ?? '';
});

const registered = async () => {
  const input = { name: 'For all', transport: 'SSE', url: 'https://mcp.example.test/sse', platform: true };
  const { __typename } = await mutate(graph, asViewer(tenant), 'registerMcpServer', input, 'server { id }');
  return __typename;
};
const listed = async () => (await listPlatformAdmins(graph.ownerPool)).filter((admin) => admin.email === email);

describe('setPlatformAdmin', () => {
  test('takes effect with the next request, when granted and when withdrawn', async () => {
    await expect(registered()).rejects.toThrow(/^FORBIDDEN/);
    expect(await setPlatformAdmin(graph.ownerPool, email.toUpperCase(), true)).toBe(true);
    expect(await setPlatformAdmin(graph.ownerPool, email, true)).toBe(false);
    expect(await listed()).toEqual([{ email, active: true }]);
    expect(await registered()).toBe('RegisterMcpServerPayload');
    expect(await setPlatformAdmin(graph.ownerPool, email, false)).toBe(true);
    expect(await setPlatformAdmin(graph.ownerPool, email, false)).toBe(false);
    expect(await listed()).toEqual([]);
    await expect(registered()).rejects.toThrow(/^FORBIDDEN/);
  });

  test('rejects an unknown user and a suspended account', async () => {
    await expect(setPlatformAdmin(graph.ownerPool, 'nobody@example.test', true)).rejects.toThrow(
      /^no user has the e-mail address nobody@example\.test/,
    );
    const other = await createTenant(graph);
    const [user] = await graph.ownerQuery<{ email: string }>(
      "UPDATE users SET status = 'SUSPENDED', is_platform_admin = true WHERE id = $1 RETURNING email",
      [other.owner.userId],
    );
    const suspended = user?.email ?? '';
    expect(await listPlatformAdmins(graph.ownerPool)).toContainEqual({ email: suspended, active: false });
    expect(await setPlatformAdmin(graph.ownerPool, suspended, false)).toBe(true);
    await expect(setPlatformAdmin(graph.ownerPool, suspended, true)).rejects.toThrow(`the account ${suspended} is SUSPENDED`);
  });
});

test('the command requires the data folder of a stopped server', { timeout: 300_000 }, async () => {
  const path = mkdtempSync(join(tmpdir(), 'agentbase-admin-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  const run = (...args: string[]) => runScript('platform-admin', args, { AGENTBASE_DATA_DIR: path });
  expect(await run('list')).toMatchObject({ code: 1, stderr: expect.stringContaining('has no database: ') });

  const folder = await openDataFolder(path, { onLost: () => {} });
  const { database, close } = await connectEmbedded(readEnv({ AGENTBASE_DATA_DIR: path }), folder);
  await database.pool.query("INSERT INTO users (id, email) VALUES ($1, 'ada@example.test')", [newId()]);
  expect(await run('grant', 'ada@example.test')).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining(`is open in process ${process.pid} on `),
  });
  await close();
  folder.close();

  expect(await run('grant', 'ada@example.test')).toEqual({
    code: 0,
    stdout: 'ada@example.test is now a platform administrator\n',
    stderr: '',
  });
  expect(await run('list')).toEqual({ code: 0, stdout: 'ada@example.test\n', stderr: '' });
  expect(await run('grant', 'bob@example.test')).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^no user has/),
  });
});

test.each([[[]], [['grant']], [['list', 'everybody']], [['toString']]])('%j prints the usage', async (args) => {
  expect(await runScript('platform-admin', args, {})).toMatchObject({ code: 2, stderr: expect.stringMatching(/^usage: /) });
});
