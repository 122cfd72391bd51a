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

/** All the official suite has for clients. It allows for a list of expected failures; here is none. */
const CORE = ['initialize', 'tools_call', 'elicitation-sep1034-client-defaults'];
/** Measures how long we wait, to a fifth of a second. */
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
/** There the server is to be given up. */
const HOSTILE = ['auth/scope-retry-limit', 'auth/resource-mismatch'];

/** Each takes two processes. */
const slots = new Semaphore(3);
/** Those compile the same code. */
let compiled = '';

beforeAll(async () => {
  compiled = await mkdtemp(join(tmpdir(), 'agentbase-test-'));
});

afterAll(() => rm(compiled, { recursive: true, force: true }));

test('there are no other scenarios', async ({ signal }) => {
  const { stdout } = await run(['list', '--client'], signal);
  const names = [...stdout.matchAll(/^ +- (\S+)/gm)].map(([, name]) => name);
  expect(names.toSorted()).toEqual([...CORE, ...TIMED, ...AUTH, ...HOSTILE].toSorted());
});

// By itself, and again where the machine was too busy to keep the time.
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

/** Warnings are as bad as failures. */
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

/** @param signal ends it with the test, and its client a little later by the suite's own time limit */
async function run(args: string[], signal: AbortSignal) {
  const { PATH = '' } = process.env;
  const env = { PATH, NODE_COMPILE_CACHE: compiled };
  const child = spawn(process.execPath, [suite, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'], signal });
  const [[code], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]);
  return { code, stdout, stderr };
}
