import { expect, test } from 'vitest';
import { DOCX, mediaTypeOf } from '../../../../src/modules/knowledge/extraction/media-types.ts';

test.each([
  ['a.pdf', 'application/pdf', 'application/pdf'],
  ['a.PDF', undefined, 'application/pdf'],
  ['a.pdf', 'application/octet-stream', 'application/pdf'],
  ['notes.md', 'text/plain', 'text/markdown'],
  ['notes', 'text/plain; charset=utf-8', 'text/plain'],
  ['table.csv', 'application/vnd.ms-excel', 'text/csv'],
  ['page', 'TEXT/HTML;charset=UTF-8', 'text/html'],
  ['page.html', 'application/json', 'application/json'],
  ['report.docx', '', DOCX],
  ['archive.tar.json', undefined, 'application/json'],
  ['old.doc', 'application/msword', undefined],
  ['picture.png', 'image/png', undefined],
  ['folder.pdf/file', undefined, undefined],
  ['', undefined, undefined],
  [undefined, undefined, undefined],
])('%s declared as %s is %s', (filename, declared, expected) => {
  expect(mediaTypeOf(filename, declared)).toBe(expected);
});
