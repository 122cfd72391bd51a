/** What was sent is larger than anything that should be sent. */
export class ResponseTooLargeError extends Error {
  override readonly name = 'ResponseTooLargeError';
}

const LF = 10;
const CR = 13;

export interface BodyLimits {
  /** After decompression, of the whole body or of each event of an event stream. */
  maxBytes: number;
  /** For the whole body. An event stream may last: whoever reads it ends it. */
  timeoutMs: number;
}

/** A body as it is read, which breaks off with an error at its bounds. */
export function limitBody(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  contentType: string | null,
  { maxBytes, timeoutMs }: BodyLimits,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const isStream = /^\s*text\/event-stream\s*(;|$)/i.test(contentType ?? '');
  const size = isStream ? eventSize() : totalSize();
  let timer: NodeJS.Timeout | undefined;

  async function breakOff(controller: ReadableStreamDefaultController, error: unknown): Promise<void> {
    clearTimeout(timer);
    controller.error(error);
    // The error says it all: that the rest is not wanted changes nothing for who reads.
    await reader.cancel(error).catch(() => {});
  }

  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start(controller) {
        if (isStream) return;
        const late = () => breakOff(controller, new DOMException('The answer did not end in time.', 'TimeoutError'));
        timer = setTimeout(late, timeoutMs).unref();
      },
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) {
            clearTimeout(timer);
            controller.close();
          } else if (size(value) > maxBytes) {
            await breakOff(controller, new ResponseTooLargeError(`More than ${maxBytes} bytes were sent.`));
          } else controller.enqueue(value);
        } catch (error) {
          await breakOff(controller, error);
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

/** The largest size an event had within the chunk. Events end with an empty line; lines with LF, CR or both. */
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
