import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Semaphore } from '../../../src/platform/lib/semaphore.ts';

const suite = fileURLToPath(new URL('../../../node_modules/.bin/conformance', import.meta.url));
const client = fileURLToPath(new URL('./conformance-client.ts', import.meta.url));

/** All client scenarios of the official suite. None is expected to fail. */
const CORE = ['initialize', 'tools_call', 'elicitation-sep1034-client-defaults'];
/** Measures the reconnection delay of the client to 200 ms. */
const TIMED = ['sse-retry'];
const AUTH = [
  'auth/metadata-default',
  'auth/metadata-var1',
  'auth/metadata-var2',
  'auth/metadata-var3',
  'auth/basic-cimd',
  'auth/scope-from-www-authenticate',
  'auth/scope-from-scopes-supported',
  'auth/scope-omitted-when-undefined',
  'auth/scope-step-up',
  'auth/token-endpoint-auth-basic',
  'auth/token-endpoint-auth-post',
  'auth/token-endpoint-auth-none',
  'auth/pre-registration',
  'auth/2025-03-26-oauth-metadata-backcompat',
  'auth/2025-03-26-oauth-endpoint-fallback',
  'auth/offline-access-scope',
  'auth/offline-access-not-supported',
  'auth/client-credentials-jwt',
  'auth/client-credentials-basic',
  'auth/cross-app-access-complete-flow',
];
/** Scenarios in which the client must refuse the server. */
const HOSTILE = ['auth/scope-retry-limit', 'auth/resource-mismatch'];

/** Limits concurrency: each scenario starts two processes. */
const slots = new Semaphore(3);
/** The compile cache that all these processes share. */
let compiled = '';

beforeAll(async () => {
  compiled = await mkdtemp(join(tmpdir(), 'agentbase-test-'));
});

afterAll(() => rm(compiled, { recursive: true, force: true }));

test('the suite has no other scenarios', async ({ signal }) => {
  const { stdout } = await run(['list', '--client'], signal);
  const names = [...stdout.matchAll(/^ +- (\S+)/gm)].map(([, name]) => name);
  expect(names.toSorted()).toEqual([...CORE, ...TIMED, ...AUTH, ...HOSTILE].toSorted());
});

// Timing-sensitive: runs alone and is retried on a busy machine.
test.for(TIMED)('%s', { retry: 3, timeout: 60_000 }, async (name, { signal }) => {
  expect(await outcome(name, signal)).toEqual(passed);
});

describe.concurrent('the conformance suite', { timeout: 60_000 }, () => {
  test.for([...CORE, ...AUTH])('%s', async (name, { signal }) => {
    expect(await slots.run(() => outcome(name, signal), signal)).toEqual(passed);
  });

  test.for(HOSTILE)('%s', async (name, { signal }) => {
    expect(await slots.run(() => outcome(name, signal), signal)).toEqual({ ...passed, refused: true });
  });
});

const passed = { code: 0, succeeded: true, unmet: [], refused: false };

/** Counts warnings as failures. */
async function outcome(scenario: string, signal: AbortSignal) {
  const command = `${process.execPath} ${client}`;
  const { code, stdout, stderr } = await run(['client', '--command', command, '--scenario', scenario, '--verbose'], signal);
  const checks: { id: string; status: string; description: string }[] = JSON.parse(stdout);
  const unmet = checks.filter(({ status }) => status !== 'SUCCESS' && status !== 'INFO');
  return {
    code,
    succeeded: checks.some(({ status }) => status === 'SUCCESS'),
    unmet,
    refused: stderr.includes("code: 'REFUSED'"),
    ...(code === 0 ? {} : { stderr }),
  };
}

/** @param signal kills the suite when the test ends; its client ends by the time limit of the suite */
async function run(args: string[], signal: AbortSignal) {
  const { PATH = '' } = process.env;
  const env = { PATH, NODE_COMPILE_CACHE: compiled };
  const child = spawn(process.execPath, [suite, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'], signal });
  const [[code], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]);
  return { code, stdout, stderr };
}
