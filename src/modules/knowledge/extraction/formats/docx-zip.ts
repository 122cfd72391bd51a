import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl';
import { UnreadableDocumentError } from '../errors.ts';

const MAX_ENTRIES = 10_000;
/** Of everything in it, inflated. */
const MAX_BYTES = 256 * 1024 * 1024;
/** Of its XML, inflated. A long novel has about five MiB. */
const MAX_XML_BYTES = 64 * 1024 * 1024;
/** XML shrinks to a twentieth. What is large and shrinks to less than this was made to. */
const MAX_RATIO = 250;
const RATIO_FROM_BYTES = 4 * 1024 * 1024;

function tooLarge(): UnreadableDocumentError {
  return new UnreadableDocumentError('TOO_LARGE', 'The Word document unpacks to far more than a document has.');
}

function isXml(entry: Entry): boolean {
  return /\.(xml|rels)$/i.test(entry.fileName);
}

/** Adds up what entries say they unpack to. */
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
      throw new UnreadableDocumentError('ENCRYPTED', 'The Word document is encrypted. Upload it without a password.');
    }
    sizes.add(entry);
    entries.push(entry);
  }
  return entries;
}

/** Unpacks an entry and forgets it: the reader fails where more or less comes than the entry said. */
async function inflate(zip: ZipFile, entry: Entry): Promise<void> {
  let tail = '';
  for await (const part of await zip.openReadStreamPromise(entry)) {
    if (!isXml(entry)) continue;
    const text = tail + (part as Buffer).toString('latin1');
    // The format has no use for a document type, and entities that multiply need one.
    if (text.includes('<!DOCTYPE') || text.includes('<!ENTITY')) {
      throw new UnreadableDocumentError('DAMAGED', 'The Word document declares a document type, which none may.');
    }
    tail = text.slice(-16);
  }
}

/** Looks through the archive of a Word document before anything unpacks it as a whole. */
export async function checkDocxArchive(bytes: Buffer): Promise<void> {
  const zip = await fromBufferPromise(bytes);
  const entries = await directory(zip);
  const names = new Set(entries.map((entry) => entry.fileName));
  if (!names.has('[Content_Types].xml') || !entries.some((entry) => entry.fileName.startsWith('word/'))) {
    throw new UnreadableDocumentError('WRONG_TYPE', 'The file is not a Word document.');
  }
  for (const entry of entries) await inflate(zip, entry);
}
