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
  if (size === 0) throw new UnreadableDocumentError('EMPTY', 'The file is empty. Upload a file with content.');
  if (size > maxBytes) {
    throw new UnreadableDocumentError(
      'TOO_LARGE',
      `The file is larger than ${Math.floor(maxBytes / 1024 / 1024)} MiB. Split it into smaller files.`,
    );
  }
  return readFile(path);
}

/** The encoding that an HTML page declares. */
function charsetOf(bytes: Buffer): string | undefined {
  return /<meta[^>]{1,200}charset\s{0,9}=\s{0,9}["']?([\w-]{1,40})/i.exec(bytes.subarray(0, 2_048).toString('latin1'))?.[1];
}

/** Imports the parser of the format on demand: parsers are large, and most threads read few formats. */
async function read(bytes: Buffer, mediaType: MediaType, collector: TextBlockCollector, limits: ExtractionLimits): Promise<void> {
  if (mediaType === 'application/pdf') {
    const { readPdf } = await import('./formats/pdf.ts');
    return reading('The PDF', () => readPdf(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length), collector, limits));
  }
  if (mediaType === DOCX) {
    const { readDocx } = await import('./formats/docx.ts');
    return reading('The Word document', () => readDocx(bytes, collector));
  }
  // The supported encodings take at most three bytes per UTF-16 unit.
  if (bytes.length > 3 * limits.maxCharacters + 3) throw tooMuchText(limits.maxCharacters);
  const text = decodeText(bytes, mediaType === 'text/html' ? charsetOf(bytes) : undefined);
  // Includes the markup, because the memory of the parsers grows with it.
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

/** The text of a document with its pages and sections. @throws UnreadableDocumentError */
export async function readDocument({ path, mediaType }: DocumentFile, limits: ExtractionLimits): Promise<TextBlock[]> {
  const bytes = await bytesOf(path, limits.maxBytes);
  await verifyMediaType(bytes, mediaType);
  const collector = new TextBlockCollector(limits.maxCharacters);
  await read(bytes, mediaType, collector, limits);
  if (collector.blocks.length > 0) return collector.blocks;
  throw new UnreadableDocumentError(
    'NO_TEXT',
    mediaType === 'application/pdf'
      ? 'The PDF has no text layer and is likely a scan. Run text recognition (OCR) on it first.'
      : 'The document contains no text.',
  );
}
