import { readFile, stat } from 'node:fs/promises';
import { reading, UnreadableDocumentError } from './errors.ts';
import { decodeText } from './formats/decode-text.ts';
import type { ExtractionLimits } from './limits.ts';
import { DOCX, type MediaType } from './media-types.ts';
import { type TextBlock, TextBlockCollector, tooMuchText } from './text-blocks.ts';
import { verifyMediaType } from './verify-media-type.ts';

export interface DocumentFile {
  path: string;
  mediaType: MediaType;
}

async function bytesOf(path: string, maxBytes: number): Promise<Buffer> {
  const { size } = await stat(path);
  if (size === 0) throw new UnreadableDocumentError('EMPTY', 'The file is empty.');
  if (size > maxBytes) {
    throw new UnreadableDocumentError('TOO_LARGE', `The file is larger than ${Math.floor(maxBytes / 1024 / 1024)} MiB.`);
  }
  return readFile(path);
}

/** The encoding that a page names in its head. */
function charsetOf(bytes: Buffer): string | undefined {
  return /<meta[^>]{1,200}charset\s{0,9}=\s{0,9}["']?([\w-]{1,40})/i.exec(bytes.subarray(0, 2_048).toString('latin1'))?.[1];
}

/** The readers are loaded when they are needed: each is large, and a thread reads one document. */
async function read(bytes: Buffer, mediaType: MediaType, collector: TextBlockCollector, limits: ExtractionLimits): Promise<void> {
  if (mediaType === 'application/pdf') {
    const { readPdf } = await import('./formats/pdf.ts');
    return reading('The PDF', () => readPdf(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length), collector, limits));
  }
  if (mediaType === DOCX) {
    const { readDocx } = await import('./formats/docx.ts');
    return reading('The Word document', () => readDocx(bytes, collector));
  }
  // No encoding we read takes more than three bytes for a unit of UTF-16.
  if (bytes.length > 3 * limits.maxCharacters + 3) throw tooMuchText(limits.maxCharacters);
  const text = decodeText(bytes, mediaType === 'text/html' ? charsetOf(bytes) : undefined);
  // Markup counts too: what the readers build in memory is as large as all of it.
  if (text.length > limits.maxCharacters) throw tooMuchText(limits.maxCharacters);
  if (mediaType === 'text/html') {
    const { readHtml } = await import('./formats/html.ts');
    return reading('The page', () => readHtml(text, collector));
  }
  if (mediaType === 'text/markdown') {
    const { readMarkdown } = await import('./formats/markdown.ts');
    return reading('The text', () => readMarkdown(text, collector));
  }
  if (mediaType === 'text/csv') {
    const { readCsv } = await import('./formats/csv.ts');
    return readCsv(text, collector);
  }
  if (mediaType === 'application/json') {
    const { readJson } = await import('./formats/json.ts');
    return readJson(text, collector);
  }
  collector.add(text);
}

/** The text of a document, with the places it is at. @throws UnreadableDocumentError */
export async function readDocument({ path, mediaType }: DocumentFile, limits: ExtractionLimits): Promise<TextBlock[]> {
  const bytes = await bytesOf(path, limits.maxBytes);
  await verifyMediaType(bytes, mediaType);
  const collector = new TextBlockCollector(limits.maxCharacters);
  await read(bytes, mediaType, collector, limits);
  if (collector.blocks.length > 0) return collector.blocks;
  throw new UnreadableDocumentError(
    'NO_TEXT',
    mediaType === 'application/pdf'
      ? 'The PDF has no text layer: it is likely a scan. Run text recognition (OCR) over it first.'
      : 'There is no text in the document.',
  );
}
