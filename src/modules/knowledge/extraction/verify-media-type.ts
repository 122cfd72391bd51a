import { fileTypeFromBuffer } from 'file-type';
import { UnreadableDocumentError } from './errors.ts';
import { looksBinary } from './formats/decode-text.ts';
import { DOCX, type MediaType } from './media-types.ts';

const names: Record<MediaType, string> = {
  'application/pdf': 'a PDF',
  [DOCX]: 'a Word document',
  'text/html': 'an HTML page',
  'text/markdown': 'a Markdown text',
  'text/plain': 'a text',
  'text/csv': 'a CSV table',
  'application/json': 'a JSON document',
};

function wrongType(expected: MediaType, found: string | undefined): UnreadableDocumentError {
  const detected = found ? `: its content is ${found}` : '';
  return new UnreadableDocumentError(
    'WRONG_TYPE',
    `The file is not ${names[expected]}${detected}. Upload it with its actual type.`,
  );
}

/** Legacy Word documents and encrypted current ones are OLE containers. Only the encrypted ones contain `EncryptedPackage`. */
function checkOle(bytes: Buffer): never {
  if (bytes.includes(Buffer.from('EncryptedPackage', 'utf16le'))) {
    throw new UnreadableDocumentError('ENCRYPTED', 'The Word document is encrypted. Remove its password and upload it again.');
  }
  throw new UnreadableDocumentError(
    'WRONG_TYPE',
    'The file is in a legacy Office format. Save it as .docx and upload that file.',
  );
}

async function signatureOf(bytes: Buffer): Promise<{ ext: string; mime: string } | undefined> {
  // The prefix contains all relevant signatures and bounds the work of the detectors.
  return fileTypeFromBuffer(bytes.subarray(0, 8_192));
}

/**
 * Throws UnreadableDocumentError for a file whose content contradicts its media type. A signature alone does not reject a text: "BM" begins
 * a bitmap as well as the text "BMW".
 */
export async function verifyMediaType(bytes: Buffer, mediaType: MediaType): Promise<void> {
  if (bytes.subarray(0, 8).equals(Buffer.from('d0cf11e0a1b11ae1', 'hex'))) checkOle(bytes);
  if (mediaType === 'application/pdf') {
    if (!bytes.subarray(0, 1_024).includes('%PDF-')) throw wrongType(mediaType, (await signatureOf(bytes))?.mime);
    return;
  }
  if (mediaType === DOCX) {
    if (!bytes.subarray(0, 4).equals(Buffer.from('PK\x03\x04'))) throw wrongType(mediaType, (await signatureOf(bytes))?.mime);
    return;
  }
  const start = bytes.subarray(0, 5).toString('latin1');
  if (start === '%PDF-') throw wrongType(mediaType, 'a PDF');
  if (start === '{\\rtf') throw wrongType(mediaType, 'a Rich Text document');
  if (looksBinary(bytes)) throw wrongType(mediaType, (await signatureOf(bytes))?.mime ?? 'binary data');
}
