/** The response body or an event of it exceeds the size limit. */
export class ResponseTooLargeError extends Error {
  override readonly name = 'ResponseTooLargeError';
}

const LF = 10;
const CR = 13;

export interface BodyLimits {
  /** The size limit after decompression, of the whole body or of each event of an event stream. */
  maxBytes: number;
  /** The time limit of the whole body. Does not apply to an event stream, which lasts until its reader cancels it. */
  timeoutMs: number;
}

/** Returns the body as a stream that fails at the limits. */
export function limitBody(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  contentType: string | null,
  { maxBytes, timeoutMs }: BodyLimits,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const isStream = /^\s*text\/event-stream\s*(;|$)/i.test(contentType ?? '');
  const size = isStream ? eventSize() : totalSize();
  let timer: NodeJS.Timeout | undefined;

  async function fail(controller: ReadableStreamDefaultController, error: unknown): Promise<void> {
    clearTimeout(timer);
    controller.error(error);
    // The reader gets `error`. A failure to cancel the source changes nothing for it.
    await reader.cancel(error).catch(() => {});
  }

  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start(controller) {
        if (isStream) return;
        const late = () => fail(controller, new DOMException('The response exceeded its time limit.', 'TimeoutError'));
        timer = setTimeout(late, timeoutMs).unref();
      },
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) {
            clearTimeout(timer);
            controller.close();
          } else if (size(value) > maxBytes) {
            await fail(controller, new ResponseTooLargeError(`The response is larger than ${maxBytes} bytes.`));
          } else controller.enqueue(value);
        } catch (error) {
          await fail(controller, error);
        }
      },
      cancel(reason) {
        clearTimeout(timer);
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

function totalSize(): (chunk: Uint8Array) => number {
  let bytes = 0;
  return (chunk) => {
    bytes += chunk.byteLength;
    return bytes;
  };
}

/** Returns the largest event size within each chunk. An empty line ends an event; LF, CR or CRLF ends a line. */
function eventSize(): (chunk: Uint8Array) => number {
  let bytes = 0;
  let lineBytes = 0;
  let afterCr = false;
  return (chunk) => {
    let largest = 0;
    for (const byte of chunk) {
      bytes++;
      const endsLine = byte === CR || (byte === LF && !afterCr);
      if (endsLine) {
        if (lineBytes === 0) bytes = 0;
        lineBytes = 0;
      } else if (byte !== LF) lineBytes++;
      afterCr = byte === CR;
      if (bytes > largest) largest = bytes;
    }
    return largest;
  };
}
