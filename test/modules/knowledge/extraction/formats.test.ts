import { expect, test } from 'vitest';
import { DOCX, type MediaType } from '../../../../src/modules/knowledge/extraction/media-types.ts';
import { drawnPdf, sampleDocx, samplePdf } from '../../../testkit/sample-files.ts';
import { chunksOf } from './read-file.ts';

const prose =
  'The harbour was quiet before the ferries came. Gulls stood on the wall and waited for the first boats. ' +
  'Nobody spoke of the storm, though everyone had heard it in the night. ';

async function read(bytes: Buffer | string, mediaType: MediaType, chunkSize = 100) {
  const chunks = await chunksOf(bytes, mediaType, { chunkSize, chunkOverlap: 10 });
  return chunks.map(({ content, page, section }) => ({ content, page, section }));
}

test('reads a PDF page by page and joins lines to paragraphs', async () => {
  const chunks = await read(await samplePdf([`First page.\n\n${prose}${prose}`, '', 'Third page.']), 'application/pdf', 200);
  expect(chunks).toEqual([
    { content: `First page.\n\n${(prose + prose).trim()}`, page: 1, section: null },
    { content: 'Third page.', page: 3, section: null },
  ]);
});

test('preserves table rows, paragraphs and hyphenated words of a PDF', async () => {
  const table = '/F1 12 Tf 72 700 Td (Name) Tj 200 0 Td (Size) Tj -200 -14 Td (Rex) Tj 200 0 Td (big) Tj';
  const prose = '-200 -40 Td (This is a para-) Tj 0 -14 Td (graph of its own.) Tj 0 -28 Td (And another.) Tj';
  const chunks = await read(drawnPdf(`${table} ${prose}`), 'application/pdf');
  expect(chunks[0]?.content).toBe('Name | Size\nRex | big\n\nThis is a paragraph of its own.\n\nAnd another.');
});

test('reads a PDF that is protected against changes only', async () => {
  const chunks = await read(await samplePdf(['Free to read.'], { ownerPassword: 'secret' }), 'application/pdf');
  expect(chunks.map(({ content }) => content)).toEqual(['Free to read.']);
});

test('extracts the headings of a Word document', async () => {
  const bytes = await sampleDocx([
    { heading: 'Guide', paragraphs: [] },
    { heading: 'Install', level: 2, paragraphs: [prose.trim()] },
    { heading: 'Use', level: 2, paragraphs: [prose.trim(), 'Ä € 中文 😀'] },
  ]);
  expect(await read(bytes, DOCX)).toEqual([
    { content: `Guide\n\nInstall\n\n${prose.trim()}`, page: null, section: 'Guide' },
    { content: `Use\n\n${prose.trim()}\n\nÄ € 中文 😀`, page: null, section: 'Guide › Use' },
  ]);
});

test('removes scripts and navigation of an HTML page and preserves its structure', async () => {
  const html = `<!doctype html><html><head><title>T</title><style>p{}</style></head><body>
    <nav>Home | About</nav><h1>Guide</h1><p>In   <b>bold</b>,\n and&nbsp;more &amp; more<br>next line
    <h2>Install</h2><ul><li>one<li>two <i>three</i></ul>
    <table><tr><th>Name<th>Size</tr><tr><td><p>a</p><td><p>1</p></tr><tr><td><td>2</tr></table>
    <pre>if (x) {\n  y();\n}</pre><script>alert(1)</script><p hidden>secret</p><img src=x alt="A chart"></body>`;
  expect(await read(html, 'text/html')).toEqual([
    {
      content:
        'Guide\n\nIn bold, and more & more\nnext line\n\nInstall\n\n- one\n- two three\n\n' +
        'Name | Size\na | 1\n| 2\n\nif (x) {\n  y();\n}\n\nA chart',
      page: null,
      section: 'Guide',
    },
  ]);
});

test('begins a chunk at a heading, with the path of headings as its section', async () => {
  const html = `<p>${prose}</p><h1>A</h1><p>${prose}</p><h2>B</h2><p>${prose}</p><h3>C</h3><p>${prose}</p><h2>D</h2><p>${prose}</p>`;
  const chunks = await read(html, 'text/html');
  expect(chunks.map(({ section }) => section)).toEqual([null, 'A', 'A › B', 'A › B › C', 'A › D']);
  expect(chunks[3]?.content).toBe(`C\n\n${prose.trim()}`);
});

test('extracts the text of Markdown without its markup', async () => {
  const markdown = `---\ntitle: Manual\n---\n# Guide\n\nSome **bold** [link](https://example.com).\n\n${prose}\n
## Install\n\n\`\`\`sh\n# not a heading\nnpm install\n\`\`\`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n${prose}`;
  expect(await read(markdown, 'text/markdown')).toEqual([
    { content: `title: Manual\n\nGuide\n\nSome bold link.\n\n${prose.trim()}`, page: null, section: 'Guide' },
    {
      content: `Install\n\n# not a heading\nnpm install\n\na | b\n1 | 2\n\n${prose.trim()}`,
      page: null,
      section: 'Guide › Install',
    },
  ]);
});

test('parses long Markdown in parts without loss', async () => {
  const paragraphs = Array.from({ length: 20_000 }, (_, index) => `Paragraph *number* ${index} ends here.`);
  const chunks = await chunksOf(paragraphs.join('\n\n'), 'text/markdown', { chunkSize: 400, chunkOverlap: 0 });
  const expected = paragraphs.join('\n\n').replaceAll('*', '');
  expect(chunks.map(({ content }) => content).join('\n\n')).toBe(expected);
});

test('adds the header to each row of a table', async () => {
  const csv = '\ufeffname;age;note\r\nAnn;31;"likes ""tea""\r\nand cake"\r\n\r\nBob;;none;left over\r\n';
  expect(await read(csv, 'text/csv')).toEqual([
    {
      content: 'name: Ann\nage: 31\nnote: likes "tea"\nand cake\n\nname: Bob\nnote: none\ncolumn 4: left over',
      page: null,
      section: null,
    },
  ]);
});

test('makes a long table value a separate block with its column as the section', async () => {
  const chunks = await read(`id,body\n7,"${prose.repeat(20)}"\n8,short`, 'text/csv');
  expect(chunks[0]?.content).toMatch(/^id: 7\n\nbody: The harbour/);
  expect(chunks.slice(0, -1).every(({ section }) => section === 'body')).toBe(true);
  expect(chunks.at(-1)).toEqual({ content: 'id: 8\nbody: short', page: null, section: null });
});

test('converts JSON to lines with paths and preserves the digits of numbers', async () => {
  const json = `{"title": "Pets", "id": 12345678901234567890, "none": null,
    "pets": [{"name": "Rex", "tags": ["big", "old"], "owner": {"name": "Ann"}}, {"name": "Tom", "age": 0.5}]}`;
  expect(await read(json, 'application/json')).toEqual([
    { content: 'title: Pets\n\nid: 12345678901234567890', page: null, section: 'title' },
    {
      content: 'pets[0].name: Rex\npets[0].tags: big, old\npets[0].owner.name: Ann\n\npets[1].name: Tom\npets[1].age: 0.5',
      page: null,
      section: 'pets',
    },
  ]);
  const long = await read(JSON.stringify({ intro: prose, body: prose }), 'application/json');
  expect(long.map(({ section }) => section)).toEqual(['intro', 'body']);
});

test.each<[string, Buffer]>([
  ['UTF-8', Buffer.from('Grüße – 10 €')],
  ['UTF-8 with a byte order mark', Buffer.from('\ufeffGrüße – 10 €')],
  ['UTF-16 LE', Buffer.from('\ufeffGrüße – 10 €', 'utf16le')],
  ['UTF-16 BE', Buffer.from('\ufeffGrüße – 10 €', 'utf16le').swap16()],
  ['windows-1252', Buffer.from('Gr\xfc\xdfe \x96 10 \x80', 'latin1')],
])('decodes text in %s', async (_, bytes) => {
  expect((await read(bytes, 'text/plain')).map(({ content }) => content)).toEqual(['Grüße – 10 €']);
});

test('decodes an HTML page in its declared encoding', async () => {
  const bytes = Buffer.concat([Buffer.from('<meta charset="shift_jis"><p>'), Buffer.from('93fa967b', 'hex')]);
  expect((await read(bytes, 'text/html')).map(({ content }) => content)).toEqual(['日本']);
});

test('accepts a text that begins like a file signature', async () => {
  for (const text of [
    'BMW builds cars.',
    'MZ is a prefix.',
    'SQLite is a database.',
    'ID3 tags name songs.',
    'Rar! said the lion.',
  ]) {
    expect((await read(text, 'text/plain')).map(({ content }) => content)).toEqual([text]);
  }
});
