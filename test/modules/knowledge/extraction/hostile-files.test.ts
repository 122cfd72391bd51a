import { expect, test } from 'vitest';
import type { UnreadableCode } from '../../../../src/modules/knowledge/extraction/errors.ts';
import { extractChunks } from '../../../../src/modules/knowledge/extraction/extract.ts';
import type { ExtractionLimits } from '../../../../src/modules/knowledge/extraction/limits.ts';
import { DOCX, type MediaType } from '../../../../src/modules/knowledge/extraction/media-types.ts';
import {
  docxParagraph,
  entityBombDocx,
  pdfBomb,
  rawDocx,
  sampleDocx,
  sampleOle,
  samplePdf,
  sampleZip,
  zipBombDocx,
} from '../../../testkit/sample-files.ts';
import { chunksOf, settings } from './read-file.ts';

const PDF = 'application/pdf';
const TEXT = 'text/plain';
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const exe = Buffer.concat([Buffer.from('MZ\x90\0\x03\0\0\0', 'latin1'), Buffer.alloc(512)]);
const nested = `${'<w:sdt><w:sdtContent>'.repeat(20_000)}${'</w:sdtContent></w:sdt>'.repeat(20_000)}`;

interface Hostile {
  what: string;
  bytes: () => Buffer | string | Promise<Buffer>;
  as: MediaType;
  code: UnreadableCode;
  message?: RegExp;
  limits?: Partial<ExtractionLimits>;
}

const hostile: Hostile[] = [
  { what: 'an empty file', bytes: () => '', as: TEXT, code: 'EMPTY' },
  { what: 'whitespace', bytes: () => ' \n\t\r\n \ufeff', as: TEXT, code: 'NO_TEXT' },
  { what: 'a page of markup', bytes: () => '<div><script>x</script></div>', as: 'text/html', code: 'NO_TEXT' },
  { what: 'an empty object', bytes: () => '{"a": [], "b": null}', as: 'application/json', code: 'NO_TEXT' },
  { what: 'a scanned PDF', bytes: () => samplePdf(['', '']), as: PDF, code: 'NO_TEXT', message: /no text layer/ },
  { what: 'an encrypted PDF', bytes: () => samplePdf(['x'], { userPassword: 'secret' }), as: PDF, code: 'ENCRYPTED' },
  { what: 'a truncated PDF', bytes: async () => (await samplePdf(['Hello'])).subarray(0, 300), as: PDF, code: 'DAMAGED' },
  { what: 'a PDF of only a header', bytes: () => '%PDF-1.7\n%%EOF', as: PDF, code: 'DAMAGED' },
  { what: 'a PDF of many pages', bytes: () => samplePdf(['a', 'b', 'c']), as: PDF, code: 'TOO_LARGE', limits: { maxPages: 2 } },
  {
    what: 'a PDF that decompresses beyond the memory limit',
    bytes: pdfBomb,
    as: PDF,
    code: 'TOO_MUCH_MEMORY',
    limits: { memoryMb: 128 },
  },
  { what: 'an executable declared as PDF', bytes: () => exe, as: PDF, code: 'WRONG_TYPE', message: /not a PDF/ },
  { what: 'a text declared as PDF', bytes: () => 'Hello', as: PDF, code: 'WRONG_TYPE' },
  { what: 'a zip bomb', bytes: zipBombDocx, as: DOCX, code: 'TOO_LARGE' },
  { what: 'an archive of many files', bytes: () => archive(10_001), as: DOCX, code: 'TOO_LARGE' },
  { what: 'an archive with wrong declared sizes', bytes: () => wrongSizes(), as: DOCX, code: 'DAMAGED' },
  { what: 'an XML entity bomb', bytes: entityBombDocx, as: DOCX, code: 'DAMAGED', message: /document type/ },
  { what: 'unclosed XML', bytes: () => rawDocx('<w:p>'), as: DOCX, code: 'DAMAGED' },
  { what: 'deeply nested XML', bytes: () => rawDocx(nested), as: DOCX, code: 'TOO_LARGE', message: /nested/ },
  { what: 'a truncated Word document', bytes: async () => halfDocx(), as: DOCX, code: 'DAMAGED' },
  { what: 'an encrypted Word document', bytes: () => sampleOle('EncryptedPackage'), as: DOCX, code: 'ENCRYPTED' },
  { what: 'an encrypted archive', bytes: () => encryptedArchive(), as: DOCX, code: 'ENCRYPTED' },
  { what: 'a legacy Word document', bytes: () => sampleOle('WordDocument'), as: DOCX, code: 'WRONG_TYPE', message: /\.docx/ },
  { what: 'a legacy Word document declared as text', bytes: () => sampleOle('WordDocument'), as: TEXT, code: 'WRONG_TYPE' },
  { what: 'an archive declared as Word', bytes: () => sampleZip([{ name: 'a.txt', data: 'x' }]), as: DOCX, code: 'WRONG_TYPE' },
  { what: 'an image declared as text', bytes: () => png, as: TEXT, code: 'WRONG_TYPE', message: /image\/png/ },
  { what: 'an image declared as Markdown', bytes: () => png, as: 'text/markdown', code: 'WRONG_TYPE' },
  { what: 'an archive declared as text', bytes: () => rawDocx(docxParagraph('x')), as: TEXT, code: 'WRONG_TYPE' },
  { what: 'a PDF declared as text', bytes: () => samplePdf(['x']), as: TEXT, code: 'WRONG_TYPE', message: /PDF/ },
  { what: 'Rich Text declared as text', bytes: () => '{\\rtf1 Hello}', as: TEXT, code: 'WRONG_TYPE' },
  {
    what: 'null bytes far into a text',
    bytes: () => `${'text '.repeat(20_000)}\0`,
    as: TEXT,
    code: 'WRONG_TYPE',
    message: /binary/,
  },
  { what: 'invalid JSON', bytes: () => '{"a": 1,}', as: 'application/json', code: 'DAMAGED' },
  { what: 'deeply nested JSON', bytes: () => `${'['.repeat(1e6)}${']'.repeat(1e6)}`, as: 'application/json', code: 'TOO_LARGE' },
  {
    what: 'JSON beyond the memory limit',
    bytes: () => manyObjects(),
    as: 'application/json',
    code: 'TOO_MUCH_MEMORY',
    limits: { memoryMb: 128 },
  },
  { what: 'JSON with long repeated paths', bytes: () => longPaths(), as: 'application/json', code: 'TOO_LARGE' },
  { what: 'deeply nested HTML', bytes: () => '<div>'.repeat(1e6), as: 'text/html', code: 'TOO_LARGE', message: /nested/ },
  { what: 'deeply nested Markdown', bytes: () => `${'>'.repeat(20_000)}x`, as: 'text/markdown', code: 'TOO_LARGE' },
  { what: 'an unclosed quotation mark', bytes: () => 'a,b\n"1,2\n3,4\n', as: 'text/csv', code: 'DAMAGED' },
  { what: 'a table of many columns', bytes: () => ','.repeat(10_001), as: 'text/csv', code: 'TOO_LARGE', message: /columns/ },
  { what: 'a large file', bytes: () => 'text', as: TEXT, code: 'TOO_LARGE', limits: { maxBytes: 3 } },
  { what: 'a long text', bytes: () => 'text', as: TEXT, code: 'TOO_LARGE', limits: { maxCharacters: 3 } },
  {
    what: '200 MB of text',
    bytes: () => Buffer.alloc(200_000_000, 'words and '),
    as: TEXT,
    code: 'TOO_LARGE',
    message: /more than 20,000,000 characters/,
  },
  { what: 'a long PDF', bytes: () => samplePdf(['ab', 'cd']), as: PDF, code: 'TOO_LARGE', limits: { maxCharacters: 3 } },
  { what: 'many chunks', bytes: () => 'word '.repeat(300), as: TEXT, code: 'TOO_LARGE', limits: { maxChunks: 3 } },
  {
    what: 'a text beyond the time limit',
    bytes: () => 'word '.repeat(3e6),
    as: TEXT,
    code: 'TOO_SLOW',
    limits: { timeoutMs: 50 },
  },
];

function archive(count: number): Buffer {
  return sampleZip(Array.from({ length: count }, (_, index) => ({ name: `word/${index}.xml`, data: '' })));
}

function wrongSizes(): Buffer {
  return rawDocx(docxParagraph('x'.repeat(100_000)), { document: { declaredSize: 1_000 } });
}

function encryptedArchive(): Buffer {
  return rawDocx(docxParagraph('x'), { document: { encrypted: true } });
}

async function halfDocx(): Promise<Buffer> {
  const bytes = await sampleDocx([{ heading: 'A', paragraphs: ['x'] }]);
  return bytes.subarray(0, bytes.length / 2);
}

/** JSON.parse is not interruptible: the process has to survive its full memory use. */
function manyObjects(): string {
  return `[${'{},'.repeat(3_000_000)}12345678901234567890]`;
}

function longPaths(): string {
  const key = 'k'.repeat(50_000);
  return `{"${key}": {${Array.from({ length: 1_000 }, (_, index) => `"${index}": 1`).join()}}}`;
}

test.each(hostile)('rejects $what with $code', async ({ bytes, as, code, message, limits }) => {
  const error = await chunksOf(await bytes(), as, settings, limits).catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    name: 'UnreadableDocumentError',
    code,
    message: expect.stringMatching(message ?? /^[A-Z].*\.$/),
  });
});

test('throws the system error for a missing file', async () => {
  await expect(extractChunks({ path: '/nowhere/at/all', mediaType: TEXT }, settings)).rejects.toMatchObject({ code: 'ENOENT' });
});
