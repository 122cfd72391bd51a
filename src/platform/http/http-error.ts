/** A request that is refused before any protocol above HTTP reads it. The code is part of the response body. */
export class HttpError extends Error {
  readonly status: number;
  readonly code: 'BAD_REQUEST' | 'BODY_TOO_LARGE' | 'OPERATION_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE';
  readonly headers: Record<string, string>;

  constructor(status: number, code: HttpError['code'], message: string, headers: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}
