import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { type PrivatePostgres, type PrivateRedis, startPostgres, startRedis } from '../../scripts/private-services.ts';
import { type App, createApp } from '../../src/app/app.ts';
import { readEnv } from '../../src/env.ts';
import { install } from '../../src/modules/index.ts';
import { createLogger } from '../../src/platform/lib/logger.ts';
import { migrate } from '../../src/platform/migrations/migrate.ts';
import { openPool } from '../../src/platform/postgres/connect.ts';
import { type NewTenant, post, signUp } from '../testkit/server.ts';

let postgres: PrivatePostgres;
let redis: PrivateRedis;
let app: App;
let origin: string;
let tenant: NewTenant;

const log = createLogger('silent');
const pool = (url: string) => openPool({ connectionString: url, max: 2, connectionTimeoutMs: 10_000, queryTimeoutMs: 60_000 });
const env = (extra: Record<string, string> = {}) =>
  readEnv({
    NODE_ENV: 'test',
    PORT: '0',
    DATABASE_URL: postgres.url('postgres', 'agentbase_server'),
    DATABASE_POOL_SIZE: '4',
    DATABASE_STATEMENT_TIMEOUT_MS: '1000',
    ...extra,
  });

beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  const owner = pool(postgres.url());
  await owner.query('CREATE ROLE agentbase_server LOGIN');
  await migrate(owner, { install, serverRole: 'agentbase_server' });
  await owner.query('CREATE DATABASE bare');
  await owner.query('CREATE ROLE plain_owner LOGIN');
  await owner.query('CREATE DATABASE owned OWNER plain_owner');
  const owned = pool(postgres.url('owned'));
  await owned.query('CREATE TABLE public.something (id int)');
  await owned.query('ALTER TABLE public.something OWNER TO plain_owner');
  await owned.end();
  await owner.end();
  app = await createApp(env({ REDIS_URL: redis.url }), { log });
  origin = await app.listen();
  tenant = await signUp(`${origin}/graphql`);
});
afterAll(async () => {
  await app?.close();
  await Promise.all([postgres?.stop(), redis?.stop()]);
});

const ready = async () => {
  const response = await fetch(`${origin}/health/ready`);
  const { status: state, parts } = (await response.json()) as { status: string; parts: Record<string, string> };
  return { status: response.status, state, parts };
};
const ask = (query: string) => post(`${origin}/graphql`, query, {}, tenant.authorization);
const eventually = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 30_000, interval: 200 });

test('after PostgreSQL is killed and restarted, servers report it, respond in time and recover without a restart', {
  timeout: 90_000,
}, async () => {
  expect(await ready()).toEqual({
    status: 200,
    state: 'ready',
    parts: { postgres: 'ok', migrations: 'ok', redis: 'ok', storage: 'ok' },
  });
  await postgres.kill();
  const killed = performance.now();
  await eventually(async () => expect((await ready()).status).toBe(503));
  expect(performance.now() - killed).toBeLessThan(3_000);
  expect((await ready()).parts).toMatchObject({ redis: 'ok', postgres: expect.not.stringMatching(/^ok$/) });
  expect((await fetch(`${origin}/health/live`)).status).toBe(200);

  const began = performance.now();
  const replies = await Promise.all([
    ...Array.from({ length: 20 }, () => ask('{ agents { nodes { name } } }')),
    ...Array.from({ length: 20 }, () =>
      ask('mutation { createAgent(input: { name: "A", provider: "p", model: "m" }) { __typename } }'),
    ),
  ]);
  expect(performance.now() - began).toBeLessThan(15_000);
  for (const { status, headers, body } of replies) {
    expect([status, headers.get('retry-after')]).toEqual([503, '1']);
    expect(body.errors[0]).toMatchObject({ extensions: { code: 'UNAVAILABLE' } });
    expect(JSON.stringify(body)).not.toMatch(/ECONNREFUSED|127\.0\.0\.1/);
  }

  await postgres.restart();
  await eventually(async () => expect((await ready()).status).toBe(200));
  expect((await ask('{ tenant { name } }')).body.data.tenant.name).toBeTruthy();
});

/** Suspends PostgreSQL like a machine that hangs: its sockets stay open without a response. */
async function freeze(): Promise<() => void> {
  const owner = pool(postgres.url());
  const { rows } = await owner.query("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int AS pid");
  await owner.end();
  const pid: number = rows[0].pid;
  const signal = (to: number, name: NodeJS.Signals) => {
    try {
      process.kill(to, name);
    } catch {
      // A backend whose client has just disconnected.
    }
  };
  // The postmaster first, so that it starts no new children.
  signal(pid, 'SIGSTOP');
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
  for (const child of children) signal(child, 'SIGSTOP');
  return () => {
    for (const each of [pid, ...children]) signal(each, 'SIGCONT');
  };
}

test('while PostgreSQL is suspended, requests fail in bounded time, and a server stops in bounded time', {
  timeout: 90_000,
}, async () => {
  const another = await createApp(env(), { log });
  const thaw = await freeze();
  try {
    expect(await ready()).toMatchObject({ status: 503, parts: { postgres: 'no answer within 2000 ms', redis: 'ok' } });
    const began = performance.now();
    const replies = await Promise.all([
      ...Array.from({ length: 20 }, () => ask('{ agents { nodes { name } } }')),
      ...Array.from({ length: 20 }, () =>
        ask('mutation { createAgent(input: { name: "A", provider: "p", model: "m" }) { __typename } }'),
      ),
    ]);
    // The statement timeout and the five seconds of the connection timeout, once each.
    expect(performance.now() - began).toBeLessThan(15_000);
    for (const { body } of replies) expect(body.errors[0]).toMatchObject({ extensions: { code: 'UNAVAILABLE' } });
    expect((await fetch(`${origin}/health/live`)).status).toBe(200);

    const stopping = performance.now();
    await another.close();
    expect(performance.now() - stopping).toBeLessThan(12_000);
  } finally {
    thaw();
  }
  await eventually(async () => expect((await ready()).status).toBe(200));
  expect((await ask('{ tenant { name } }')).body.data.tenant.name).toBeTruthy();
});

test('while Redis is unavailable, readiness is degraded with status 200 and names it, and requests succeed', {
  timeout: 60_000,
}, async () => {
  await redis.kill();
  await eventually(async () => expect(await ready()).toMatchObject({ status: 200, state: 'degraded' }));
  expect((await ready()).parts).toMatchObject({ postgres: 'ok', storage: 'ok', redis: expect.not.stringMatching(/^ok$/) });
  expect((await ask('{ tenant { name } }')).body.data.tenant.name).toBeTruthy();
  await redis.restart();
  await eventually(async () => expect(await ready()).toMatchObject({ status: 200, state: 'ready' }));
});

test('while Redis hangs, requests succeed and readiness is degraded', { timeout: 60_000 }, async () => {
  const client = new Redis(redis.url);
  const pid = Number(/process_id:(\d+)/.exec(await client.info('server'))?.[1]);
  client.disconnect();
  process.kill(pid, 'SIGSTOP');
  try {
    expect((await ask('{ tenant { name } }')).body.data.tenant.name).toBeTruthy();
    expect(await ready()).toMatchObject({ status: 200, state: 'degraded', parts: { redis: expect.not.stringMatching(/^ok$/) } });
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await eventually(async () => expect(await ready()).toMatchObject({ status: 200, state: 'ready' }));
});

test('while the storage is unavailable, readiness is degraded with status 200 and names it', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'agentbase-storage-'));
  const other = await createApp(env({ STORAGE_FOLDER: join(folder, 'files') }), { log });
  onTestFinished(async () => {
    await other.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const url = await other.listen();
  rmSync(folder, { recursive: true });
  writeFileSync(folder, 'in the way');
  const response = await fetch(`${url}/health/ready`);
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({
    status: 'degraded',
    parts: { postgres: 'ok', storage: expect.not.stringMatching(/^ok$/) },
  });
  const { authorization } = await signUp(`${url}/graphql`);
  expect((await post(`${url}/graphql`, '{ tenant { name } }', {}, authorization)).body.data.tenant.name).toBeTruthy();
});

test('production rejects a login that bypasses row-level security, and a database that is not migrated', async () => {
  const production = (url: string) =>
    createApp(
      env({
        NODE_ENV: 'production',
        DATABASE_URL: url,
        PUBLIC_URL: 'https://api.example.test',
        API_KEY_PEPPER: 'a pepper of more than thirty-two characters',
        AUTH_KEYS: '{"keys":[]}',
        SEALING_KEYS: '{"keys":[]}',
      }),
      { log },
    );
  await expect(production(postgres.url())).rejects.toThrow(/owns tables or bypasses row security/);
  await expect(production(postgres.url('owned', 'plain_owner'))).rejects.toThrow(/owns tables or bypasses row security/);
  await expect(production(postgres.url('bare', 'agentbase_server'))).rejects.toThrow(/npm run db:migrate/);
});
