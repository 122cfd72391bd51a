import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import type { Auth } from '../../../platform/auth/auth.ts';
import { permissionsOf } from '../../../platform/auth/permissions.ts';
import { type RequestInfo, sessionContextOf, type Viewer } from '../../../platform/auth/viewer.ts';
import { DomainError, ForbiddenError, ValidationError } from '../../../platform/lib/errors.ts';
import type { RouteRequest } from '../../../platform/module/http-route.ts';
import { runWithContext } from '../../../platform/postgres/request-scope.ts';
import { mediaTypeOf } from '../extraction/media-types.ts';
import type { KnowledgeServices } from '../services.ts';
import { addDocument } from './documents.ts';
import { receiveDocument, requireMediaType } from './receive-document.ts';
import type { UploadToken, UploadTokens } from './upload-token.ts';

/** As it was when the ticket was given out; whether it still is, is asked of the database. */
function viewerOf({ tenantId, userId, apiKeyId, sessionId, role }: UploadToken): Viewer {
  return {
    tenantId,
    userId,
    apiKeyId,
    sessionId,
    role,
    permissions: new Set([...permissionsOf(role)].filter((permission) => permission === 'knowledge:write')),
    expiresAt: undefined,
  };
}

/** The body apart from the request: whoever gives it up must not close the connection before it has its answer. */
function bodyOf(request: IncomingMessage): PassThrough {
  const body = new PassThrough();
  // Nobody may listen yet when the client goes.
  body.on('error', () => {});
  request.once('close', () => request.complete || body.destroy(new Error('the client went away')));
  return request.pipe(body);
}

/** What an upload needs besides the services of documents. */
export interface UploadServices extends KnowledgeServices {
  auth: Auth;
  uploadTokens: UploadTokens;
}

export interface UploadAnswer {
  documentId: string;
  duplicate: boolean;
  status: string;
}

/**
 * Takes the file that `createUpload` offered a URL for, as it comes, into the storage. The ticket in the path is all the credential
 * there is; whoever it was given to must still have the right. Throws DomainError.
 */
export async function receiveUpload(
  services: UploadServices,
  token: string,
  request: IncomingMessage,
  info: RequestInfo,
): Promise<UploadAnswer> {
  const { auth, database, uploadTokens } = services;
  const ticket = await uploadTokens.open(token);
  const viewer = viewerOf(ticket);
  const mayWrite = await auth.revalidate(viewer);
  if (!mayWrite) throw new ForbiddenError('Whoever was offered this upload may not add documents any more.');
  const announced = Number(request.headers['content-length'] ?? Number.NaN);
  if (announced > ticket.maxBytes) throw ValidationError.inputPath(['file'], `A document has at most ${ticket.maxBytes} bytes.`);
  return runWithContext(sessionContextOf(viewer, info), async () => {
    const received = await receiveDocument(services, {
      id: ticket.documentId,
      collectionId: ticket.collectionId,
      filename: ticket.filename,
      mediaType: requireMediaType(mediaTypeOf(ticket.filename, ticket.mediaType), ['file']),
      title: ticket.title ?? ticket.filename,
      metadata: ticket.metadata,
      maxBytes: ticket.maxBytes,
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

/** Answers a PUT to `/uploads/<ticket>` as JSON. */
export async function handleUpload(
  services: UploadServices,
  { request, response, info, rest: token }: RouteRequest,
): Promise<void> {
  const answer = (status: number, body: unknown, headers: Record<string, string> = {}) => {
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'x-request-id': info.requestId, ...headers });
    response.end(JSON.stringify(body));
  };
  if (request.method !== 'PUT') {
    answer(405, { error: { code: 'METHOD_NOT_ALLOWED', message: 'PUT the file here.' } }, { allow: 'PUT' });
    return;
  }
  try {
    answer(201, await receiveUpload(services, token, request, info));
  } catch (error) {
    if (request.destroyed && !request.complete) return;
    if (!(error instanceof DomainError)) services.log.error({ err: error, requestId: info.requestId }, 'an upload failed');
    const { code, message } =
      error instanceof DomainError ? error : { code: 'INTERNAL_SERVER_ERROR', message: 'The upload failed. Try again.' };
    const status = error instanceof DomainError ? (STATUS[error.code] ?? 400) : 500;
    // What may be left of the body is not read: nothing else can follow on this connection.
    answer(status, { error: { code, message, requestId: info.requestId } }, request.complete ? {} : { connection: 'close' });
  }
}
