import { crc32, deflateRawSync, deflateSync } from 'node:zlib';
import { Document, HeadingLevel, Packer, Paragraph } from 'docx';
import PDFDocument from 'pdfkit';

/** A PDF with a page for each text. Empty lines separate paragraphs. With a password, it is encrypted. */
export async function samplePdf(
  pages: string[],
  options: { userPassword?: string; ownerPassword?: string } = {},
): Promise<Buffer> {
  const pdf = new PDFDocument({ autoFirstPage: false, ...options, info: { CreationDate: new Date(0) } });
  const parts: Buffer[] = [];
  pdf.on('data', (part: Buffer) => parts.push(part));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  pdf.on('end', resolve);
  pdf.on('error', reject);
  for (const page of pages) {
    pdf.addPage();
    for (const paragraph of page.split('\n\n')) if (paragraph) pdf.text(paragraph).moveDown();
  }
  pdf.end();
  await promise;
  return Buffer.concat(parts);
}

const levels = [HeadingLevel.HEADING_1, HeadingLevel.HEADING_2, HeadingLevel.HEADING_3];

export interface DocxSection {
  heading: string;
  /** 1 to 3. */
  level?: number;
  paragraphs: string[];
}

export async function sampleDocx(sections: DocxSection[]): Promise<Buffer> {
  const children = sections.flatMap(({ heading, level = 1, paragraphs }) => [
    new Paragraph({ text: heading, heading: levels[level - 1] ?? HeadingLevel.HEADING_1 }),
    ...paragraphs.map((text) => new Paragraph({ text })),
  ]);
  return Packer.toBuffer(new Document({ sections: [{ children }] }));
}

interface ZipEntry {
  name: string;
  data: Buffer | string;
  /** The uncompressed size that the archive declares, if it differs from the actual size. */
  declaredSize?: number;
  encrypted?: boolean;
}

/** A ZIP archive as Office creates it. */
export function sampleZip(entries: ZipEntry[]): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { name, data, declaredSize, encrypted } of entries) {
    const packed = deflateRawSync(data);
    const header = Buffer.alloc(26);
    header.writeUInt16LE(20, 0);
    header.writeUInt16LE(encrypted ? 1 : 0, 2);
    header.writeUInt16LE(8, 4);
    header.writeUInt32LE(crc32(data), 10);
    header.writeUInt32LE(packed.length, 14);
    header.writeUInt32LE(declaredSize ?? Buffer.byteLength(data), 18);
    header.writeUInt16LE(Buffer.byteLength(name), 22);
    local.push(Buffer.from('PK\x03\x04'), header, Buffer.from(name), packed);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    central.push(Buffer.from('PK\x01\x02'), Buffer.from([20, 0]), header, tail, Buffer.from(name));
    offset += 30 + Buffer.byteLength(name) + packed.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...local, directory, Buffer.from('PK\x05\x06'), end]);
}

const contentTypes = `<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/>
</Types>`;
const relationships = `<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>
</Relationships>`;

/** A Word document with the given XML in its body and before it. */
export function rawDocx(
  body: string,
  options: { prolog?: string; more?: ZipEntry[]; document?: Partial<ZipEntry> } = {},
): Buffer {
  const document = `<?xml version="1.0"?>${options.prolog ?? ''}<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>${body}</w:body></w:document>`;
  return sampleZip([
    { name: '[Content_Types].xml', data: contentTypes },
    { name: '_rels/.rels', data: relationships },
    { name: 'word/document.xml', data: document, ...options.document },
    ...(options.more ?? []),
  ]);
}

export function docxParagraph(text: string): string {
  return `<w:p><w:r><w:t>${text}</w:t></w:r></w:p>`;
}

/** 64 MiB of spaces in 64 KiB. */
export function zipBombDocx(): Buffer {
  return rawDocx(docxParagraph('x'), { more: [{ name: 'word/styles.xml', data: Buffer.alloc(64 * 1024 * 1024, ' ') }] });
}

/** Entities that expand each other ten times, nine levels deep. */
export function entityBombDocx(): Buffer {
  const levels = Array.from({ length: 9 }, (_, level) => `<!ENTITY e${level + 1} "${`&e${level};`.repeat(10)}">`);
  return rawDocx(docxParagraph('&e9;'), { prolog: `<!DOCTYPE w [<!ENTITY e0 "lol">${levels.join('')}]>` });
}

/** The beginning of an OLE container, with the names of its streams. */
export function sampleOle(stream: string): Buffer {
  return Buffer.concat([
    Buffer.from('d0cf11e0a1b11ae1', 'hex'),
    Buffer.alloc(1024),
    Buffer.from('Root Entry', 'utf16le'),
    Buffer.from(stream, 'utf16le'),
    Buffer.alloc(1024),
  ]);
}

/** A PDF of one page whose content is compressed as given. */
function rawPdf(content: Buffer, filter = '/FlateDecode'): Buffer {
  const head = `<< /Length ${content.length} /Filter ${filter} >>\nstream\n`;
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>',
    Buffer.concat([Buffer.from(head), content, Buffer.from('\nendstream')]),
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
  ];
  const parts = [Buffer.from('%PDF-1.4\n')];
  const offsets: number[] = [];
  let length = 9;
  for (const [index, object] of objects.entries()) {
    const part = Buffer.concat([Buffer.from(`${index + 1} 0 obj\n`), Buffer.from(object), Buffer.from('\nendobj\n')]);
    offsets.push(length);
    parts.push(part);
    length += part.length;
  }
  const table = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  parts.push(
    Buffer.from(`xref\n0 6\n0000000000 65535 f \n${table}trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n${length}\n%%EOF`),
  );
  return Buffer.concat(parts);
}

/** A PDF of one page, drawn by PDF's own commands. The font is F1. */
export function drawnPdf(commands: string): Buffer {
  return rawPdf(deflateSync(Buffer.from(`BT ${commands} ET`)));
}

/** A page whose content unpacks, twice, to 256 MiB of spaces. */
export function pdfBomb(): Buffer {
  return rawPdf(deflateSync(deflateSync(Buffer.alloc(256 * 1024 * 1024, ' '))), '[/FlateDecode /FlateDecode]');
}
