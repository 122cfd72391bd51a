import type { IncomingMessage } from 'node:http';
import type { Viewer } from '../../auth/viewer.ts';
import { HttpError } from '../../http/http-error.ts';
import { type BodyBudget, declaredBytes, readBody, readJsonBody } from '../../http/request-body.ts';
import { DOCUMENT_TOO_LONG, MAX_DOCUMENT_CHARACTERS } from './plugins/token-limit.ts';
import { BufferedBody } from './yoga-internals.ts';

/** Signing in and up need less. */
const MAX_ANONYMOUS_BYTES = 65_536;
/** Forms and bare documents, whose parsers have no limits of their own. */
const MAX_OTHER_BYTES = 65_536;

/** `operations`, `map` and the files of an operation. */
const MAX_PARTS = 12;

const BOUNDARY = /; *boundary="?([^";]{1,100})/i;
const JSON_TYPE = /^application\/(?:graphql\+)?json *(?:;|,|$)/;
const CHARSET = /; *charset *= *"?([^";, ]+)/i;

export interface BodyLimits {
  maxBytes: number;
  budget: BodyBudget;
}

/** A body that was read. `json` is the parsed value of a JSON body. */
export interface ReceivedBody {
  json?: { value: object };
}

function checkHeaders({ headers }: IncomingMessage): void {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding !== 'identity') {
    throw new HttpError(
      415,
      'UNSUPPORTED_MEDIA_TYPE',
      `The content encoding ${encoding.slice(0, 50)} is not supported. Send the body as it is.`,
      {
        'accept-encoding': 'identity',
      },
    );
  }
  const charset = CHARSET.exec(headers['content-type'] ?? '')?.[1]?.toLowerCase();
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8') {
    throw new HttpError(415, 'UNSUPPORTED_MEDIA_TYPE', `The charset ${charset.slice(0, 50)} is not supported. Send UTF-8.`);
  }
}

/** Refuses a form with more parts before its parser creates an object for each. */
function checkParts(bytes: Buffer, type: string): void {
  const delimiter = `--${BOUNDARY.exec(type)?.[1] ?? ''}`;
  let parts = -1;
  for (let at = bytes.indexOf(delimiter); at >= 0; at = bytes.indexOf(delimiter, at + delimiter.length)) {
    if (++parts > MAX_PARTS) throw new HttpError(400, 'BAD_REQUEST', `The form has more than ${MAX_PARTS} parts.`);
  }
}

/** Refuses a long document before anything else reads it. Documents of WebSockets have the same limit when they are parsed. */
function checkDocument(value: object): void {
  const { query } = value as { query?: unknown };
  if (typeof query === 'string' && query.length > MAX_DOCUMENT_CHARACTERS) {
    throw new HttpError(400, 'OPERATION_TOO_LARGE', DOCUMENT_TOO_LONG);
  }
}

function mostBytes(type: string, signedIn: boolean, { maxBytes }: BodyLimits): { most: number; hint?: string } {
  if (!signedIn && maxBytes > MAX_ANONYMOUS_BYTES) return { most: MAX_ANONYMOUS_BYTES, hint: ' Sign in to send larger ones.' };
  if (JSON_TYPE.test(type) || type.startsWith('multipart/form-data')) return { most: maxBytes };
  return { most: Math.min(maxBytes, MAX_OTHER_BYTES) };
}

/**
 * Reads the body of a POST request and attaches it to the request for Yoga: JSON as the parsed value, anything else as bytes. Undefined if the
 * client disconnects. Throws HttpError, RateLimitedError and UnavailableError.
 * @param sender whose bytes count together
 * @param release is called with a function that returns the bytes to the budget
 */
export async function receiveBody(
  request: IncomingMessage,
  limits: BodyLimits,
  { viewer, sender }: { viewer: Viewer | null; sender: string },
  onClose: (release: () => void) => void,
): Promise<ReceivedBody | undefined> {
  checkHeaders(request);
  const type = request.headers['content-type'] ?? '';
  const { most, hint } = mostBytes(type, viewer !== null, limits);
  onClose(limits.budget.take(sender, declaredBytes(request, most)));
  if (!JSON_TYPE.test(type)) {
    const bytes = await readBody(request, most, hint ? { hint } : {});
    if (bytes === undefined) return undefined;
    if (type.startsWith('multipart/')) checkParts(bytes, type);
    Object.assign(request, { body: new BufferedBody(bytes) });
    return {};
  }
  const parsed = await readJsonBody(request, most, hint);
  if (parsed === undefined) return undefined;
  const { value } = parsed;
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) {
    throw new HttpError(
      400,
      'BAD_REQUEST',
      'The body must be a JSON object with `query`, and optionally `variables` and `operationName`.',
    );
  }
  checkDocument(value);
  Object.assign(request, { body: value });
  return { json: { value } };
}
