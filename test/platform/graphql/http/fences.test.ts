import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createYoga } from 'graphql-yoga';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { schema } from '../../../../src/app/schema.ts';
import { readEnv } from '../../../../src/env.ts';
import { collectFields, collectSubfields, verifyCollectFields } from '../../../../src/platform/graphql/collect-fields.ts';
import type { Services } from '../../../../src/platform/graphql/context.ts';
import { createFastPath } from '../../../../src/platform/graphql/http/fast-path.ts';
import {
  ACCOUNTED_PLUGINS,
  type NamedPlugin,
  verifyFastPathPlugins,
} from '../../../../src/platform/graphql/http/fast-path-plugins.ts';
import { ValidatedDocumentCache } from '../../../../src/platform/graphql/http/validated-documents.ts';
import { takesFrames } from '../../../../src/platform/graphql/http/websocket-sender.ts';
import { createGraphQLServer } from '../../../../src/platform/graphql/http/yoga.ts';
import { type formatResult, verifyYogaInternals } from '../../../../src/platform/graphql/http/yoga-internals.ts';
import { testDatabase } from '../../../testkit/database.ts';
import { type NewTenant, post, signUp, startTestServer, type TestServer } from '../../../testkit/server.ts';
import { testServices } from '../../../testkit/services.ts';

describe('the JSON fast path', () => {
  let services: Services;

  beforeAll(async () => {
    services = await testServices(await testDatabase());
  });

  async function start(observe: NamedPlugin[]) {
    const env = readEnv({ NODE_ENV: 'test', AGENTBASE_DATA_DIR: 'memory://' });
    const prepared = new ValidatedDocumentCache();
    const { yoga, plugins } = await createGraphQLServer({ env, services, observe, persisted: undefined, prepared, schema });
    return createFastPath({ env, yoga, plugins, persisted: undefined, prepared, services, metrics: {} as never });
  }

  test('starts with the plugins it accounts for', async () => {
    expect(await start([{ name: 'metrics', plugin: {} }])).toBeTypeOf('function');
  });

  test('refuses to start with a plugin that repeated operations would skip', async () => {
    await expect(start([{ name: 'tracing', plugin: { onExecute() {} } }])).rejects.toThrow(
      'the JSON fast path does not account for the Yoga plugin tracing',
    );
  });

  test('refuses to start with a plugin behind the one that prepares operations', () => {
    const plugins = ['prepared-operations', 'variables'].map((name) => ({ name, plugin: {} }));
    expect(() => verifyFastPathPlugins(plugins)).toThrow('must be the last one');
  });

  test('has a reason for each plugin that it accounts for', () => {
    for (const reason of Object.values(ACCOUNTED_PLUGINS)) expect(reason.length).toBeGreaterThan(20);
  });
});

describe('internals of Yoga', () => {
  const { fetchAPI } = createYoga({ logging: false });

  test('are where this version expects them', async () => {
    await verifyYogaInternals(fetchAPI);
  });

  test('a server refuses to start if request.body is ignored', async () => {
    await expect(verifyYogaInternals(fetchAPI, { bodyOf: () => undefined })).rejects.toThrow(
      'Yoga has changed: it no longer accepts a body',
    );
  });

  test('a server refuses to start if results are formatted otherwise', async () => {
    const format = ((_result, api) => new api.Response('{}', { status: 200 })) as typeof formatResult;
    await expect(verifyYogaInternals(fetchAPI, { format })).rejects.toThrow('Yoga has changed');
  });
});

describe('collectFields of graphql', () => {
  test('are as this version expects them', () => {
    expect(() => verifyCollectFields({ collectFields, collectSubfields })).not.toThrow();
  });

  test.each([
    ['missing', { collectFields, collectSubfields: undefined as never }, 'collectSubfields is missing'],
    ['called otherwise', { collectFields: ((_context: unknown) => new Map()) as never, collectSubfields }, 'takes 1 arguments'],
    [
      'returning something else',
      { collectFields: ((_1: never, _2: never, _3: never, _4: never, _5: never, _6: never) => ({})) as never, collectSubfields },
      'returns something else',
    ],
  ])('are refused if %s', (_what, internals, message) => {
    expect(() => verifyCollectFields(internals)).toThrow(message);
  });
});

describe('frames past ws', () => {
  /** Whether the server of one connection may write frames of its own. */
  async function connect(perMessageDeflate: boolean): Promise<boolean> {
    const server = createServer();
    const sockets = new WebSocketServer({ server, perMessageDeflate });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const opened = once(client, 'open');
    const [socket, request] = (await once(sockets, 'connection')) as [WebSocket, { socket: Socket }];
    const allowed = takesFrames({ socket, duplex: request.socket });
    await opened;
    client.terminate();
    sockets.close();
    server.close();
    return allowed;
  }

  test('are written to a connection without extensions', async () => {
    expect(await connect(false)).toBe(true);
  });

  test('are left to ws on a connection that compresses', async () => {
    expect(await connect(true)).toBe(false);
  });
});

describe('two servers in one process', () => {
  const servers: (TestServer & { tenant: NewTenant })[] = [];

  beforeAll(async () => {
    for (const env of [{ MAX_COMPLEXITY: '20000' }, { MAX_COMPLEXITY: '100' }]) {
      const server = await startTestServer(env);
      servers.push({ ...server, tenant: await signUp(server.url) });
    }
  });
  afterAll(() => Promise.all(servers.map((server) => server.close())));

  test('each refuse operations by their own limits', async () => {
    const query = '{ agents(first: 100) { nodes { id name slug createdAt } } }';
    const codes = servers.map(async ({ url, tenant }) => {
      // The second request takes the fast path.
      const replies = [await post(url, query, {}, tenant.authorization), await post(url, query, {}, tenant.authorization)];
      return replies.map(({ body }) => body.errors?.[0].extensions.code);
    });
    expect(await Promise.all(codes)).toEqual([
      [undefined, undefined],
      ['OPERATION_TOO_LARGE', 'OPERATION_TOO_LARGE'],
    ]);
  });
});
