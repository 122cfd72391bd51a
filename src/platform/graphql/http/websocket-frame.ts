const FINAL_TEXT = 0x81;
const TWO_BYTES = 126;
const EIGHT_BYTES = 127;

/** The length of the header of a server's frame with a payload of so many bytes. */
function headLength(payload: number): number {
  return payload < TWO_BYTES ? 2 : payload < 0x10000 ? 4 : 10;
}

function writeHead(target: Buffer, at: number, payload: number): number {
  target[at] = FINAL_TEXT;
  if (payload < TWO_BYTES) {
    target[at + 1] = payload;
  } else if (payload < 0x10000) {
    target[at + 1] = TWO_BYTES;
    target.writeUInt16BE(payload, at + 2);
  } else {
    target[at + 1] = EIGHT_BYTES;
    target.writeBigUInt64BE(BigInt(payload), at + 2);
  }
  return at + headLength(payload);
}

/** The number of bytes that `webSocketTextFrames` returns for a text. */
export function frameLength(textBytes: number): number {
  return headLength(textBytes) + textBytes;
}

/**
 * Text frames of a WebSocket (RFC 6455, section 5.2) as a server sends them: not masked, so that most of their bytes are the same for
 * all clients. Each text is `before`, its own bytes, and `after`.
 */
export function webSocketTextFrames(before: Buffer, texts: readonly Buffer[], after: Buffer): Buffer {
  const around = before.length + after.length;
  const length = texts.reduce((sum, text) => sum + frameLength(around + text.length), 0);
  const frames = Buffer.allocUnsafe(length);
  let at = 0;
  for (const text of texts) {
    at = writeHead(frames, at, around + text.length);
    at += before.copy(frames, at);
    at += text.copy(frames, at);
    at += after.copy(frames, at);
  }
  return frames;
}
