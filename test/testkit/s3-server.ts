import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * The failure of one request: a 503 response, a connection that closes halfway through the bytes, or no response at all.
 */
export type S3Failure = 'unavailable' | 'cutOff' | 'silent';

export interface S3Server {
  endpoint: string;
  objects: Map<string, Buffer>;
  /** The requests in order, such as `PUT tenant/collection/hash`. */
  requests: string[];
  /** The failures of the next requests of a method, one each. Later ones succeed. */
  fail(method: 'PUT' | 'GET' | 'HEAD' | 'DELETE', ...failures: S3Failure[]): void;
  /** Removes objects, requests and failures. */
  reset(): void;
  close(): Promise<void>;
}

class Refusal extends Error {
  readonly status: number;

  constructor(status: number, code: string) {
    super(code);
    this.status = status;
  }
}

/** The connection was closed by a scripted failure. */
class Hangup extends Error {}

function requireSignature({ headers }: IncomingMessage, accessKeyId: string) {
  const signed =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/[^/]+\/s3\/aws4_request, SignedHeaders=\S+, Signature=[0-9a-f]{64}$/;
  const [, keyId] = signed.exec(headers.authorization ?? '') ?? [];
  if (keyId === undefined) throw new Refusal(403, 'AccessDenied');
  if (keyId !== accessKeyId) throw new Refusal(403, 'InvalidAccessKeyId');
}

/** The body of a PUT, which is stored completely or not at all. */
async function bodyOf(request: IncomingMessage, cutOff: boolean): Promise<Buffer> {
  if (request.headers['content-length'] === undefined) throw new Refusal(411, 'MissingContentLength');
  if (/aws-chunked/.test(request.headers['content-encoding'] ?? '')) throw new Refusal(501, 'NotImplemented');
  const pieces: Buffer[] = [];
  for await (const piece of request) {
    pieces.push(piece);
    if (cutOff) throw new Hangup();
  }
  return Buffer.concat(pieces);
}

/**
 * A loopback server for the part of S3 that the storage uses, with one bucket in memory: PUT, GET, HEAD and DELETE of objects, HEAD of the
 * bucket. Other requests return NotImplemented. It checks the form and the access key of signatures only.
 */
export async function startS3Server({ bucket, accessKeyId }: { bucket: string; accessKeyId: string }): Promise<S3Server> {
  const objects = new Map<string, Buffer>();
  const requests: string[] = [];
  const failures = new Map<string, S3Failure[]>();

  async function handle(request: IncomingMessage, response: ServerResponse) {
    const { method = '', url = '' } = request;
    const { pathname, searchParams } = new URL(url, 'http://s3.test');
    const [, name, ...rest] = decodeURIComponent(pathname).split('/');
    const key = rest.join('/');
    requests.push(`${method} ${key}`);
    const failure = failures.get(method)?.shift();
    if (failure === 'silent') return;
    requireSignature(request, accessKeyId);
    if (failure === 'unavailable') throw new Refusal(503, 'SlowDown');
    if (name !== bucket) throw new Refusal(404, 'NoSuchBucket');
    if ([...searchParams.keys()].some((parameter) => parameter !== 'x-id')) throw new Refusal(501, 'NotImplemented');
    if (method === 'HEAD' && key === '') response.end();
    else if (method === 'PUT') {
      objects.set(key, await bodyOf(request, failure === 'cutOff'));
      response.end();
    } else if (method === 'DELETE') {
      objects.delete(key);
      response.writeHead(204).end();
    } else if (method === 'GET' || method === 'HEAD') {
      const object = objects.get(key);
      if (!object) throw new Refusal(404, 'NoSuchKey');
      response.writeHead(200, { 'content-length': object.length });
      if (failure === 'cutOff') {
        await new Promise((resolve) => response.write(object.subarray(0, object.length / 2), resolve));
        throw new Hangup();
      }
      response.end(method === 'GET' ? object : undefined);
    } else throw new Refusal(501, 'NotImplemented');
  }

  function refuse(response: ServerResponse, error: unknown) {
    if (!(error instanceof Refusal)) {
      response.destroy();
      return;
    }
    response.writeHead(error.status, { 'content-type': 'application/xml', connection: 'close' });
    response.end(`<?xml version="1.0"?><Error><Code>${error.message}</Code><Message>Refused.</Message></Error>`);
  }

  const server = createServer((request, response) => void handle(request, response).catch((error) => refuse(response, error)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    requests,
    fail: (method, ...next) => void failures.set(method, next),
    reset() {
      objects.clear();
      failures.clear();
      requests.length = 0;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
