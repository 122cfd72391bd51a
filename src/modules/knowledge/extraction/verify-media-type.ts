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
  const instead = found ? `: it looks like ${found}` : '';
  return new UnreadableDocumentError('WRONG_TYPE', `The file is not ${names[expected]}${instead}.`);
}

/** Old Word documents and encrypted new ones are both OLE containers. The names in them tell which. */
function checkOle(bytes: Buffer): never {
  if (bytes.includes(Buffer.from('EncryptedPackage', 'utf16le'))) {
    throw new UnreadableDocumentError('ENCRYPTED', 'The Word document is encrypted. Upload it without a password.');
  }
  throw new UnreadableDocumentError('WRONG_TYPE', 'The file is in an old format of Office. Save it as .docx and upload that.');
}

async function signatureOf(bytes: Buffer): Promise<{ ext: string; mime: string } | undefined> {
  // A part is enough for every signature that matters here, and none of its readers goes astray in the rest.
  return fileTypeFromBuffer(bytes.subarray(0, 8_192));
}

/**
 * Refuses a file whose bytes say that it is something else. Signatures alone do not condemn a text: "BM" begins a picture as
 * well as "BMW".
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
