import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { generateSigningKey } from '../../../../src/platform/auth/keyring.ts';
import { type NewTenant, signUp, startTestServer, type TestServer } from '../../../testkit/server.ts';
import { type WireResult, watchOverWebSocket } from '../../live/raw-clients.ts';

let folder: string;
let open: TestServer;
let listed: TestServer;
let tenant: NewTenant;
const logged: string[] = [];

const ALLOWED = '{ viewer { role } }';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'agentbase-websocket-'));
  const file = join(folder, 'operations.json');
  writeFileSync(file, JSON.stringify({ whoami: ALLOWED }));
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged.push(chunk.toString());
      done();
    },
  });
  // The second server has no persisted sign-up: it trusts the keys of the first.
  const AUTH_KEYS = JSON.stringify({ keys: [await generateSigningKey()] });
  open = await startTestServer({ AUTH_KEYS }, pino({ level: 'trace' }, sink));
  tenant = await signUp(open.url);
  listed = await startTestServer({ AUTH_KEYS, PERSISTED_OPERATIONS_FILE: file, PERSISTED_OPERATIONS_ONLY: 'true' });
});
afterAll(async () => {
  await listed.close();
  await open.close();
  rmSync(folder, { recursive: true });
});

/** Executes one operation over a socket of its own, and returns the response. */
async function ask({ origin }: TestServer, credential: string, query: string, variables = {}): Promise<WireResult[]> {
  const results: WireResult[] = [];
  const watch = {
    url: origin,
    credential,
    query,
    variables,
    signal: new AbortController().signal,
    onResult: (result: WireResult) => results.push(result),
  };
  // A rejected operation ends in a rejection, after its errors were sent.
  await watchOverWebSocket(watch).catch((error: unknown) => {
    if (results.length === 0) throw error;
  });
  return results;
}
const credential = () => tenant.authorization.authorization.slice('Bearer '.length);

test('PERSISTED_OPERATIONS_ONLY applies to WebSockets', async () => {
  expect(await ask(listed, credential(), ALLOWED)).toMatchObject([{ data: { viewer: { role: 'OWNER' } } }]);
  for (const query of [
    '{ tenant { name } }',
    'subscription { messageAppended(conversationId: "x") { id } }',
    '{ viewer { role } } ',
  ]) {
    expect(await ask(listed, credential(), query)).toMatchObject([
      { errors: [{ extensions: { code: 'PERSISTED_QUERY_NOT_IN_LIST' } }] },
    ]);
  }
});

test('an error in variables is reported once', async () => {
  const query = 'subscription ($id: ID!) { messageAppended(conversationId: $id) { id } }';
  expect(await ask(open, credential(), query)).toMatchObject([{ errors: [{ extensions: { code: 'VALIDATION_FAILED' } }] }]);
});

test('an unexpected error is masked, and logged with the request id that the client receives', async () => {
  const { database } = open.app.services;
  const real = database.query;
  database.query = () => Promise.reject(new Error('SELECT secret FROM nowhere'));
  try {
    const [result] = await ask(open, credential(), '{ agent(id: "01a2062c-c764-73cb-95d8-81a7e2eb5f00") { id } }');
    const [error] = result?.errors ?? [];
    expect(error).toMatchObject({ message: 'Unexpected error.', extensions: { code: 'INTERNAL_SERVER_ERROR' } });
    const requestId = error?.extensions?.requestId;
    expect(requestId).toEqual(expect.any(String));
    expect(logged.some((line) => line.includes('nowhere') && line.includes(String(requestId)))).toBe(true);
  } finally {
    database.query = real;
  }
});
