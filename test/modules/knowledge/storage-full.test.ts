import fs from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type NewTenant, post, signUp, startTestServer, type TestServer } from '../../testkit/server.ts';

/** What the disk of the storage does. Files of other folders are not affected. */
const disk = { full: false, free: Number.POSITIVE_INFINITY };
const real = { createWriteStream: fs.createWriteStream, writeFile: promises.writeFile, statfs: promises.statfs };

/** The device /dev/full refuses each write with ENOSPC, as a full disk does. Modules that were loaded before see the functions too. */
function replaceDisk(): void {
  fs.createWriteStream = ((path, options) =>
    real.createWriteStream(
      disk.full && String(path).includes('/incoming/') ? '/dev/full' : path,
      options,
    )) as typeof fs.createWriteStream;
  promises.writeFile = ((path: string, ...rest: [string]) =>
    real.writeFile(disk.full && String(path).includes('/check-') ? '/dev/full' : path, ...rest)) as typeof promises.writeFile;
  promises.statfs = (async () => ({ blocks: 1_000, bsize: 1, bavail: disk.free })) as unknown as typeof promises.statfs;
  syncBuiltinESMExports();
}

let server: TestServer;
let tenant: NewTenant;
let collection: string;

beforeAll(async () => {
  replaceDisk();
  server = await startTestServer({ MAX_UPLOAD_BYTES: '2000000' });
  tenant = await signUp(server.url);
  const create =
    'mutation ($input: CreateCollectionInput!) { r: createCollection(input: $input) { ... on CreateCollectionPayload { collection { id } } } }';
  collection = (await post(server.url, create, { input: { name: 'Files' } }, tenant.authorization)).body.data.r.collection.id;
});
afterEach(() => Object.assign(disk, { full: false, free: Number.POSITIVE_INFINITY }));
afterAll(async () => {
  fs.createWriteStream = real.createWriteStream;
  Object.assign(promises, { writeFile: real.writeFile, statfs: real.statfs });
  syncBuiltinESMExports();
  await server.close();
});

async function put(): Promise<{ status: number; body: { error?: { code: string; message: string } } }> {
  const { body } = await post(
    server.url,
    'mutation ($input: CreateUploadInput!) { r: createUpload(input: $input) { ... on CreateUploadPayload { url } } }',
    { input: { collectionId: collection, filename: 'notes.txt' } },
    tenant.authorization,
  );
  const response = await fetch(body.data.r.url, { method: 'PUT', body: 'What the file says.' });
  return { status: response.status, body: await response.json() };
}

const documents = async () =>
  (await post(server.url, '{ documents { totalCount } }', {}, tenant.authorization)).body.data.documents.totalCount;
const ready = async () => {
  const response = await fetch(`${server.origin}/health/ready`);
  const { status, parts } = await response.json();
  return { status: response.status, state: status, storage: parts.storage };
};

test('an upload to a full storage is answered with UNAVAILABLE, stores nothing, and succeeds once there is space', async () => {
  disk.full = true;
  expect(await put()).toEqual({
    status: 503,
    body: {
      error: expect.objectContaining({ code: 'UNAVAILABLE', message: expect.stringContaining('storage of the server is full') }),
    },
  });
  const form = new FormData();
  const query =
    'mutation ($file: File!, $collection: ID!) { uploadDocument(input: { collectionId: $collection, file: $file }) { __typename } }';
  form.set('operations', JSON.stringify({ query, variables: { file: null, collection } }));
  form.set('map', JSON.stringify({ 0: ['variables.file'] }));
  form.set('0', new File(['What the file says.'], 'notes.txt', { type: 'text/plain' }));
  const multipart = await (await fetch(server.url, { method: 'POST', headers: tenant.authorization, body: form })).json();
  expect(multipart.errors[0].extensions.code).toBe('UNAVAILABLE');
  expect(await documents()).toBe(0);
  disk.full = false;
  expect((await put()).status).toBe(201);
  expect(await documents()).toBe(1);
});

test('readiness reports a storage that takes no bytes, or has no room for the largest upload', async () => {
  expect(await ready()).toEqual({ status: 200, state: 'ready', storage: 'ok' });
  disk.free = 1_999_999;
  expect(await ready()).toEqual({ status: 200, state: 'degraded', storage: '1 MiB free, less than the largest upload' });
  disk.free = 2_000_000;
  disk.full = true;
  expect(await ready()).toEqual({ status: 200, state: 'degraded', storage: expect.stringContaining('ENOSPC') });
});
