import mammoth from 'mammoth';
import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl';
import { UnreadableDocumentError } from '../errors.ts';
import type { TextBlockCollector } from '../text-blocks.ts';
import { readHtml } from './html.ts';

const MAX_ENTRIES = 10_000;
/** Maximum size of all entries, decompressed. */
const MAX_BYTES = 256 * 1024 * 1024;
/** Maximum size of the XML entries, decompressed. A long novel has about 5 MiB. */
const MAX_XML_BYTES = 64 * 1024 * 1024;
/** Maximum compression ratio of large entries. XML typically compresses to a twentieth; a higher ratio indicates a zip bomb. */
const MAX_RATIO = 250;
const RATIO_FROM_BYTES = 4 * 1024 * 1024;

function tooLarge(): UnreadableDocumentError {
  return new UnreadableDocumentError(
    'TOO_LARGE',
    'The Word document is too large when decompressed. Split it into smaller documents.',
  );
}

function isXml(entry: Entry): boolean {
  return /\.(xml|rels)$/i.test(entry.fileName);
}

/** Sums the declared decompressed sizes. */
class Sizes {
  #all = 0;
  #xml = 0;

  add(entry: Entry): void {
    const { uncompressedSize, compressedSize } = entry;
    this.#all += uncompressedSize;
    if (isXml(entry)) this.#xml += uncompressedSize;
    const suspicious = uncompressedSize > RATIO_FROM_BYTES && uncompressedSize > compressedSize * MAX_RATIO;
    if (this.#all > MAX_BYTES || this.#xml > MAX_XML_BYTES || suspicious) throw tooLarge();
  }
}

async function directory(zip: ZipFile): Promise<Entry[]> {
  if (zip.entryCount > MAX_ENTRIES) throw tooLarge();
  const entries: Entry[] = [];
  const sizes = new Sizes();
  for await (const entry of zip.eachEntry()) {
    if (entry.isEncrypted()) {
      throw new UnreadableDocumentError('ENCRYPTED', 'The Word document is encrypted. Remove its password and upload it again.');
    }
    sizes.add(entry);
    entries.push(entry);
  }
  return entries;
}

/** Decompresses an entry and discards the data. It fails if the size differs from the declared one. */
async function inflate(zip: ZipFile, entry: Entry): Promise<void> {
  let tail = '';
  for await (const part of await zip.openReadStreamPromise(entry)) {
    if (!isXml(entry)) continue;
    const text = tail + (part as Buffer).toString('latin1');
    // OOXML never needs a document type declaration; entity expansion attacks do.
    if (text.includes('<!DOCTYPE') || text.includes('<!ENTITY')) {
      throw new UnreadableDocumentError(
        'DAMAGED',
        'The Word document declares a document type, which is not permitted. Save it again in Word.',
      );
    }
    tail = text.slice(-16);
  }
}

/** Checks the archive of a Word document before the parser decompresses all of it. */
async function checkDocxArchive(bytes: Buffer): Promise<void> {
  const zip = await fromBufferPromise(bytes);
  const entries = await directory(zip);
  const names = new Set(entries.map((entry) => entry.fileName));
  if (!names.has('[Content_Types].xml') || !entries.some((entry) => entry.fileName.startsWith('word/'))) {
    throw new UnreadableDocumentError('WRONG_TYPE', 'The file is not a Word document. Upload it with its actual type.');
  }
  for (const entry of entries) await inflate(zip, entry);
}

// Skips images: only their alternative text is searchable.
const withoutImages = mammoth.images.imgElement(async () => ({ src: '' }));

export async function readDocx(bytes: Buffer, collector: TextBlockCollector): Promise<void> {
  await checkDocxArchive(bytes);
  const { value } = await mammoth.convertToHtml({ buffer: bytes }, { convertImage: withoutImages, externalFileAccess: false });
  readHtml(value, collector);
}
