import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { destroyWhenIdle } from '../../../src/platform/http/idle.ts';
import { until } from '../../testkit/knowledge.ts';
import { apiKey, type NewTenant, post, signUp, startTestServer, type TestServer } from '../../testkit/server.ts';

let server: TestServer;
let tenant: NewTenant;
let collection: string;

const MAX_UPLOAD = 2_000_000;
const CREATE =
  'mutation ($input: CreateCollectionInput!) { r: createCollection(input: $input) { ... on CreateCollectionPayload { collection { id } } } }';
const OFFER =
  'mutation ($input: CreateUploadInput!) { r: createUpload(input: $input) { ... on CreateUploadPayload { url maxBytes expiresAt } ... on UserError { code message } } }';
const UPLOAD =
  'mutation ($file: File!, $collection: ID!) { r: uploadDocument(input: { collectionId: $collection, file: $file }) { ... on UploadDocumentPayload { duplicate document { id title mediaType sizeBytes } } ... on UserError { code message path } } }';

beforeAll(async () => {
  server = await startTestServer({ MAX_UPLOAD_BYTES: String(MAX_UPLOAD), MAX_BODY_BYTES: '100000' });
  tenant = await signUp(server.url);
  collection = (await post(server.url, CREATE, { input: { name: 'Files' } }, tenant.authorization)).body.data.r.collection.id;
});
afterAll(() => server.close());

async function multipart(file: File, headers: Record<string, string> = tenant.authorization): Promise<Response> {
  const form = new FormData();
  form.set('operations', JSON.stringify({ query: UPLOAD, variables: { file: null, collection } }));
  form.set('map', JSON.stringify({ 0: ['variables.file'] }));
  form.set('0', file);
  return fetch(server.url, { method: 'POST', headers, body: form });
}

async function offer(
  input: Record<string, unknown> = {},
  authorization = tenant.authorization,
): Promise<{ url: string; maxBytes: number }> {
  const { body } = await post(
    server.url,
    OFFER,
    { input: { collectionId: collection, filename: 'notes.txt', ...input } },
    authorization,
  );
  return body.data.r;
}

const put = (url: string, body: BodyInit) => fetch(url, { method: 'PUT', body });

describe('uploadDocument', () => {
  test('accepts a file in a multipart request', async () => {
    const response = await multipart(new File(['What the file says.'], 'Notes on files.txt', { type: 'text/plain' }));
    expect((await response.json()).data.r).toMatchObject({
      duplicate: false,
      document: { title: 'Notes on files', mediaType: 'text/plain', sizeBytes: 19 },
    });
  });

  test.each([
    ['0 bytes', new File([], 'empty.txt'), 'The file is empty. Upload a file with content.'],
    ['a blank filename', new File(['x'], '   ', { type: 'text/plain' }), 'The filename is invalid. Must not be empty.'],
    [
      'an unsupported type',
      new File(['MZ'], 'setup.exe', { type: 'application/x-msdownload' }),
      /^The type of the file is not supported\./,
    ],
  ])('rejects %s', async (_name, file, message) => {
    const { r } = (await (await multipart(file)).json()).data;
    expect(r).toMatchObject({ code: 'VALIDATION_FAILED', message: expect.stringMatching(message) });
  });

  test('rejects a request above the size limit', async () => {
    const response = await multipart(new File(['x'.repeat(200_000)], 'large.txt'));
    expect(response.status).toBe(413);
  });

  test('rejects a cross-site request', async () => {
    expect((await multipart(new File(['x'], 'x.txt'), {})).status).toBe(403);
  });
});

describe('createUpload', () => {
  test('returns a URL that accepts one file, which is then processed', async () => {
    const { url, maxBytes } = await offer({ title: 'Large notes', metadata: { kind: 'test' } });
    expect(url.startsWith(`${server.origin}/uploads/`)).toBe(true);
    expect(Number(maxBytes)).toBe(MAX_UPLOAD);
    const response = await put(url, `Something about elephants. ${'And more. '.repeat(30_000)}`);
    expect(response.status).toBe(201);
    const { documentId, duplicate } = await response.json();
    expect(duplicate).toBe(false);
    const READ = 'query ($id: ID!) { document(id: $id) { title filename metadata status uploadedBy { email } } }';
    const look = async () => (await post(server.url, READ, { id: documentId }, tenant.authorization)).body.data.document;
    // The status is not compared: on the embedded database the server processes jobs, on PostgreSQL a worker does.
    expect(await look()).toMatchObject({
      title: 'Large notes',
      filename: 'notes.txt',
      metadata: { kind: 'test' },
      uploadedBy: { email: tenant.email },
    });
    // A second upload of the same bytes returns the same document.
    const again = await put(url, `Something about elephants. ${'And more. '.repeat(30_000)}`);
    expect(await again.json()).toMatchObject({ documentId, duplicate: true });
    // Other bytes under the same id are rejected and not stored.
    const other = await put(url, 'Something about giraffes.');
    expect([other.status, (await other.json()).error.code]).toEqual([409, 'CONFLICT']);
  });

  test.each([
    ['too large according to Content-Length', 'x'.repeat(MAX_UPLOAD + 1)],
    ['empty', ''],
  ])('rejects a file that is %s', async (_name, body) => {
    const { url } = await offer();
    const response = await put(url, body);
    expect(response.status).toBe(400);
    expect((await response.json()).error.code).toBe('VALIDATION_FAILED');
  });

  test('rejects a file without Content-Length at the limit, without reading the rest', async () => {
    const { url } = await offer({ sizeBytes: 1_000 });
    const status = await new Promise<number>((resolve, reject) => {
      const sending = request(url, { method: 'PUT' }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
        sending.destroy();
      });
      sending.on('error', reject);
      // A chunked request without Content-Length.
      for (let piece = 0; piece < 10; piece++) sending.write(Buffer.alloc(1_000));
    });
    expect(status).toBe(400);
  });

  test('aborts a stalled body but not a complete one', async () => {
    const limits: (number | undefined)[] = [];
    const taking = createServer((incoming, response) => {
      const whole = incoming.headers['content-length'] === '4';
      destroyWhenIdle(incoming, whole ? 60_000 : 100);
      limits.push(incoming.socket.timeout);
      incoming.resume().once('end', () => {
        limits.push(incoming.socket.timeout);
        response.end();
      });
    });
    await once(taking.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void taking.close());
    const { port } = taking.address() as AddressInfo;
    await put(`http://127.0.0.1:${port}`, 'here');
    expect(limits).toEqual([60_000, 0]);
    const sending = request({ port, method: 'PUT', headers: { 'content-length': 100 } });
    sending.write('a part');
    const [error] = await once(sending, 'error');
    expect((error as NodeJS.ErrnoException).code).toBe('ECONNRESET');
  });

  test('accepts names and metadata up to the limits and rejects longer ones', async () => {
    const longest = { filename: `${'ü'.repeat(251)}.txt`, title: 'ü'.repeat(500) };
    const { url } = await offer({ ...longest, metadata: { note: 'x'.repeat(4_000) } });
    expect((await put(url, 'The longest of them.')).status).toBe(201);
    const { body } = await post(
      server.url,
      OFFER,
      { input: { collectionId: collection, filename: 'a.txt', metadata: { note: 'x'.repeat(5_000) } } },
      tenant.authorization,
    );
    expect(body.data.r.code).toBe('VALIDATION_FAILED');
  });

  test('rejects malformed tokens, modified tokens and other methods', async () => {
    const { url } = await offer();
    expect((await put(`${server.origin}/uploads/`, 'x')).status).toBe(401);
    expect((await put(`${server.origin}/uploads/abc.def`, 'x')).status).toBe(401);
    const middle = Math.floor(url.length - 40);
    const changed = url.slice(0, middle) + (url[middle] === 'A' ? 'B' : 'A') + url.slice(middle + 1);
    expect((await put(changed, 'x')).status).toBe(401);
    const other = await fetch(url, { method: 'POST', body: 'x' });
    expect([other.status, other.headers.get('allow')]).toEqual([405, 'PUT']);
  });

  test('rejects an upload after the API key that created the URL is revoked', async () => {
    const key = await apiKey(server.url, tenant, ['KNOWLEDGE_WRITE']);
    const { url } = await offer({}, key);
    const list = await post(server.url, '{ apiKeys { nodes { id status } } }', {}, tenant.authorization);
    const id = list.body.data.apiKeys.nodes[0].id;
    await post(
      server.url,
      'mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { __typename } }',
      { id },
      tenant.authorization,
    );
    await until(
      async () => (await put(url, 'x')).status,
      (status) => status === 403,
    );
  });

  test('rejects an upload after the collection is archived', async () => {
    const { id } = (await post(server.url, CREATE, { input: { name: 'Closing' } }, tenant.authorization)).body.data.r.collection;
    const { url } = await offer({ collectionId: id });
    await post(
      server.url,
      'mutation ($id: ID!) { archiveCollection(input: { id: $id }) { __typename } }',
      { id },
      tenant.authorization,
    );
    const response = await put(url, 'x');
    expect([response.status, (await response.json()).error.code]).toEqual([409, 'INVALID_STATE']);
  });
});
