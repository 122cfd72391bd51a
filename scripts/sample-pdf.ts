/** `node scripts/sample-pdf.ts FILE`: writes a PDF of two pages, to upload as a sample. */

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import PDFDocument from 'pdfkit';

const file = process.argv[2];
if (!file) {
  console.error('usage: node scripts/sample-pdf.ts FILE');
  process.exit(1);
}
const pdf = new PDFDocument({ info: { Title: 'Travel policy', CreationDate: new Date(0) } });
const written = once(pdf.pipe(createWriteStream(file)), 'finish');
pdf.fontSize(20).text('Travel policy').moveDown().fontSize(12);
pdf.text(
  'Trains are booked in the second class. Flights need the approval of a manager and are for trips of more than 800 kilometres.',
);
pdf.addPage().fontSize(16).text('Hotels').moveDown().fontSize(12);
pdf.text('A hotel may cost up to 140 euros a night, breakfast included. Receipts are handed in within two weeks of the return.');
pdf.end();
await written;
console.log(`wrote ${file}`);
