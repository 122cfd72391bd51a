import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import type { Auth } from '../../../platform/auth/auth.ts';
import { type RequestInfo, sessionContextOf, type Viewer } from '../../../platform/auth/viewer.ts';
import { DomainError, ForbiddenError, ValidationError } from '../../../platform/lib/errors.ts';
import type { RouteRequest } from '../../../platform/module/http-route.ts';
import { runWithContext } from '../../../platform/postgres/request-scope.ts';
import { mediaTypeOf } from '../extraction/media-types.ts';
import type { KnowledgeServices } from '../services.ts';
import { addDocument } from './documents.ts';
import { receiveDocument, requireMediaType } from './receive-document.ts';
import type { UploadToken, UploadTokens } from './upload-token.ts';

/** The viewer at the time when the token was created. `auth.revalidate` checks that the access still exists. */
function viewerOf({ tenantId, userId, apiKeyId, sessionId, role }: UploadToken): Viewer {
  return {
    tenantId,
    userId,
    apiKeyId,
    sessionId,
    role,
    permissions: new Set(['knowledge:write']),
    expiresAt: undefined,
  };
}

/** The body as a separate stream: destroying it must not close the connection before the response is sent. */
function bodyOf(request: IncomingMessage): PassThrough {
  const body = new PassThrough();
  // Without a listener, a disconnect before the stream is consumed would be an uncaught error.
  body.on('error', () => {});
  request.once('close', () => request.complete || body.destroy(new Error('client disconnected')));
  return request.pipe(body);
}

/** The services of the upload route. */
export interface UploadServices extends KnowledgeServices {
  auth: Auth;
  uploadTokens: UploadTokens;
}

export interface UploadResponse {
  documentId: string;
  duplicate: boolean;
  status: string;
}

/**
 * Streams the request's body into the storage and adds the document. The token in the path is the only credential; the user or API key
 * that created it must still have the permission. Throws DomainError.
 */
export async function receiveUpload(
  services: UploadServices,
  token: string,
  request: IncomingMessage,
  info: RequestInfo,
): Promise<UploadResponse> {
  const { auth, database, uploadTokens } = services;
  const upload = await uploadTokens.open(token);
  const viewer = viewerOf(upload);
  const mayWrite = await auth.revalidate(viewer);
  if (!mayWrite) throw new ForbiddenError('The user or API key that created this upload URL can no longer add documents.');
  const contentLength = Number(request.headers['content-length'] ?? Number.NaN);
  if (contentLength > upload.maxBytes)
    throw ValidationError.inputPath(['file'], `The file is larger than the limit of ${upload.maxBytes} bytes.`);
  return runWithContext(sessionContextOf(viewer, info), async () => {
    const received = await receiveDocument(services, {
      id: upload.documentId,
      collectionId: upload.collectionId,
      filename: upload.filename,
      mediaType: requireMediaType(mediaTypeOf(upload.filename, upload.mediaType), ['file']),
      title: upload.title ?? upload.filename,
      metadata: upload.metadata,
      maxBytes: upload.maxBytes,
      source: bodyOf(request),
      path: ['file'],
    });
    const { document, duplicate } = await database.transaction(() => addDocument(services, viewer, received));
    return { documentId: document.id, duplicate, status: document.status };
  });
}

const STATUS: Partial<Record<DomainError['code'], number>> = {
  TOKEN_INVALID: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  INVALID_STATE: 409,
  UNAVAILABLE: 503,
  RATE_LIMITED: 429,
};

/** Handles PUT `/uploads/<token>` and responds with JSON. */
export async function handleUpload(
  services: UploadServices,
  { request, response, info, rest: token }: RouteRequest,
): Promise<void> {
  const respond = (status: number, body: unknown, headers: Record<string, string> = {}) => {
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'x-request-id': info.requestId, ...headers });
    response.end(JSON.stringify(body));
  };
  if (request.method !== 'PUT') {
    respond(405, { error: { code: 'METHOD_NOT_ALLOWED', message: 'This URL accepts only PUT.' } }, { allow: 'PUT' });
    return;
  }
  try {
    respond(201, await receiveUpload(services, token, request, info));
  } catch (error) {
    if (request.destroyed && !request.complete) return;
    if (!(error instanceof DomainError) || error.code === 'UNAVAILABLE')
      services.log.error({ err: error, requestId: info.requestId }, 'upload failed');
    const { code, message } =
      error instanceof DomainError ? error : { code: 'INTERNAL_SERVER_ERROR', message: 'The upload failed. Retry it.' };
    const status = error instanceof DomainError ? (STATUS[error.code] ?? 400) : 500;
    // The rest of the body stays unread, so that the connection cannot carry another request.
    respond(status, { error: { code, message, requestId: info.requestId } }, request.complete ? {} : { connection: 'close' });
  }
}
