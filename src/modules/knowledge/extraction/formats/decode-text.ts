import { UnreadableDocumentError } from '../errors.ts';

/** Control bytes that occur in no supported text encoding. Tab, line ends, form feed, backspace and escape are permitted. */
function isControl(byte: number): boolean {
  return (byte < 0x20 && !(byte >= 0x08 && byte <= 0x0d) && byte !== 0x1b) || byte === 0x7f;
}

/** Whether the first bytes show that the data is not text. */
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
    // An unknown encoding (RangeError), or bytes that are invalid in it (TypeError).
    if (error instanceof RangeError || error instanceof TypeError) return undefined;
    throw error;
  }
}

/**
 * Decodes UTF-16 with a byte order mark, else UTF-8, else the encoding that the text declares, else windows-1252, in which all bytes are
 * valid. @throws UnreadableDocumentError for bytes that are not text
 */
export function decodeText(bytes: Uint8Array, declared?: string): string {
  const wide = byteOrderMark(bytes);
  const text = decode(bytes, wide ?? 'utf-8') ?? (declared && !wide ? decode(bytes, declared) : undefined);
  const result = text ?? new TextDecoder(wide ?? 'windows-1252').decode(bytes);
  if (!wide && result.includes('\0'))
    throw new UnreadableDocumentError('WRONG_TYPE', 'The file is binary and not a text. Upload it with its actual type.');
  return result;
}
