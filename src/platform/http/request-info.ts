import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { RequestInfo } from '../auth/viewer.ts';

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** The client's request id if it is valid, so that logs of client and server can be joined; otherwise a new one. */
function requestIdOf(request: IncomingMessage): string {
  const given = header(request, 'x-request-id');
  return given && /^[\w.:-]{1,100}$/.test(given) ? given : randomUUID();
}

function addressOf(request: IncomingMessage, trustProxy: boolean): string | undefined {
  const forwarded = trustProxy ? header(request, 'x-forwarded-for')?.split(',').at(-1)?.trim() : undefined;
  const address = (forwarded && isIP(forwarded) ? forwarded : request.socket.remoteAddress)?.replace(/^::ffff:/, '');
  return address && isIP(address) ? address : undefined;
}

/** The origin of a request. */
export function requestInfoOf(request: IncomingMessage, trustProxy: boolean): RequestInfo {
  return {
    requestId: requestIdOf(request),
    ip: addressOf(request, trustProxy),
    // The database rejects control characters, and the mutation would fail.
    userAgent: header(request, 'user-agent')
      ?.replaceAll(/[^\x20-\x7e]/g, '?')
      .slice(0, 512),
  };
}

/** The credential of an Authorization header; undefined without one. */
export function bearerOf(authorization: string | undefined): string | undefined {
  return authorization?.match(/^Bearer +(\S+) *$/i)?.[1] ?? (authorization ? '' : undefined);
}
