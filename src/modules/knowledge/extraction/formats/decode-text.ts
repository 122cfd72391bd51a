import { UnreadableDocumentError } from '../errors.ts';

/** Bytes that stand for text in no encoding we read. Tab, line ends, form feed, backspace and escape do occur. */
function isControl(byte: number): boolean {
  return (byte < 0x20 && !(byte >= 0x08 && byte <= 0x0d) && byte !== 0x1b) || byte === 0x7f;
}

/** Whether this cannot be text, by its first bytes. */
export function looksBinary(bytes: Uint8Array): boolean {
  if (byteOrderMark(bytes)) return false;
  const head = bytes.subarray(0, 65_536);
  let controls = 0;
  for (const byte of head) {
    if (byte === 0) return true;
    if (isControl(byte)) controls += 1;
  }
  return controls > head.length / 50;
}

function byteOrderMark(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return undefined;
}

function decode(bytes: Uint8Array, encoding: string): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (error) {
    // An encoding nobody knows (RangeError), or bytes that are not in it (TypeError).
    if (error instanceof RangeError || error instanceof TypeError) return undefined;
    throw error;
  }
}

/**
 * UTF-16 where a byte order mark says so, else UTF-8, else the encoding the text itself declares, else windows-1252, in which
 * any bytes mean something. @throws UnreadableDocumentError for bytes that are not text
 */
export function decodeText(bytes: Uint8Array, declared?: string): string {
  const wide = byteOrderMark(bytes);
  const text = decode(bytes, wide ?? 'utf-8') ?? (declared && !wide ? decode(bytes, declared) : undefined);
  const result = text ?? new TextDecoder(wide ?? 'windows-1252').decode(bytes);
  if (!wide && result.includes('\0')) throw new UnreadableDocumentError('WRONG_TYPE', 'The file is not a text: it is binary.');
  return result;
}
