import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { conformanceCatalog } from './conformance-catalog.ts';
import { startEndpoint, type TestEndpoint } from './endpoint.ts';
import { type Installation, startInstallation } from './mcp-installation.ts';

/** Scenarios whose checks all succeed. */
const PASSES = [
  'completion-complete',
  'dns-rebinding-protection',
  'json-schema-2020-12',
  'ping',
  'prompts-get-embedded-resource',
  'prompts-get-simple',
  'prompts-get-with-args',
  'prompts-get-with-image',
  'prompts-list',
  'resources-list',
  'resources-read-binary',
  'resources-read-text',
  'resources-templates-read',
  'server-initialize',
  'tools-call-audio',
  'tools-call-embedded-resource',
  'tools-call-error',
  'tools-call-image',
  'tools-call-mixed-content',
  'tools-call-simple-text',
  'tools-call-with-progress',
  'tools-list',
];

/** Scenarios that only warn: they check servers with session ids, which the protocol makes optional. */
const NOTHING_CHECKED = ['server-sse-multiple-streams', 'server-sse-polling'];

/**
 * Features that need state between requests. The server does not offer them, because any process can receive the next request. The
 * protocol revision 2026-07-28 removes all of them.
 */
const FAILS: Record<string, string> = {
  'logging-set-level': 'the level is state between requests',
  'tools-call-with-logging': 'sets a level first',
  'resources-subscribe': 'the subscription is state between requests and needs an open stream',
  'resources-unsubscribe': 'subscribes first',
  'tools-call-sampling': 'the client responds to the server in a separate request, which any process can receive',
  'tools-call-elicitation': 'the same',
  'elicitation-sep1034-defaults': 'the same',
  'elicitation-sep1330-enums': 'the same',
};

interface Check {
  id: string;
  status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'INFO' | 'SKIPPED';
  errorMessage?: string;
}

async function runSuite(url: string): Promise<Map<string, Check[]>> {
  const bin = join(
    dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json')),
    'dist/index.js',
  );
  const folder = await mkdtemp(join(tmpdir(), 'agentbase-conformance-'));
  try {
    const suite = spawn(process.execPath, [bin, 'server', '--url', url, '--suite', 'all', '--output-dir', folder], {
      stdio: 'ignore',
    });
    await once(suite, 'close');
    const found = new Map<string, Check[]>();
    for (const name of await readdir(folder)) {
      const scenario = name.replace(/^server-(.+)-\d{4}-\d\d-\d\dT.*$/, '$1');
      found.set(scenario, JSON.parse(await readFile(join(folder, name, 'checks.json'), 'utf8')) as Check[]);
    }
    return found;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

let installation: Installation;
let endpoint: TestEndpoint;
let outcome: Map<string, Check[]>;

beforeAll(async () => {
  installation = await startInstallation();
  const tenant = await installation.tenant();
  const credential = await installation.key(tenant, ['agents:read', 'agents:execute', 'knowledge:read']);
  // The suite sends no credential, so the endpoint adds one.
  endpoint = await startEndpoint(installation, { catalog: conformanceCatalog, credential });
  outcome = await runSuite(endpoint.url);
});
afterAll(async () => {
  await endpoint.close();
  await installation.close();
});

const withStatus = (status: Check['status']) =>
  [...outcome].flatMap(([scenario, checks]) => (checks.some((check) => check.status === status) ? [scenario] : [])).toSorted();

test('every scenario of the suite is listed here', () => {
  expect([...outcome.keys()].toSorted()).toEqual([...PASSES, ...NOTHING_CHECKED, ...Object.keys(FAILS)].toSorted());
});

test.each(PASSES)('%s passes', (scenario) => {
  const checks = outcome.get(scenario) ?? [];
  expect(checks.filter(({ status }) => status !== 'SUCCESS')).toEqual([]);
  expect(checks.length).toBeGreaterThan(0);
});

test('two scenarios check nothing without a session', () => {
  expect(withStatus('WARNING')).toEqual(NOTHING_CHECKED);
  const warnings = NOTHING_CHECKED.flatMap((scenario) => outcome.get(scenario) ?? []).filter(
    ({ status }) => status === 'WARNING',
  );
  expect(warnings.map(({ id }) => id)).toEqual(['server-sse-multiple-streams-session', 'server-sse-polling-session']);
});

test('only scenarios that need state between requests fail', () => {
  expect(withStatus('FAILURE')).toEqual(Object.keys(FAILS).toSorted());
});
