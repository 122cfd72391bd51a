import { readFileSync, writeFileSync } from 'node:fs';

export type Cell = string | number;

export interface Section {
  title: string;
  /** A paragraph under the title. */
  text: string;
  header: string[];
  rows: Cell[][];
  /** Conditions that do not hold. */
  failures?: string[];
}

function show(cell: Cell): string {
  if (typeof cell === 'string') return cell;
  if (Number.isNaN(cell)) return '–';
  if (Number.isInteger(cell)) return cell.toLocaleString('en-US');
  return cell.toFixed(Math.abs(cell) < 10 ? 2 : 0);
}

/** A Markdown table with aligned columns, readable in a terminal. */
function table({ header, rows }: Section): string {
  const lines = [header, ...rows.map((row) => row.map(show))];
  const widths = header.map((_, column) => Math.max(3, ...lines.map((line) => (line[column] ?? '').length)));
  const line = (cells: string[]) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(header), rule, ...lines.slice(1).map(line)].join('\n');
}

export function sectionText(section: Section): string {
  const failures = (section.failures ?? []).map((failure) => `\n**Fails:** ${failure}\n`).join('');
  return `## ${section.title}\n\n${section.text}\n\n${table(section)}\n${failures}`;
}

/** Writes the page if its content differs. */
export function writePage(file: string, head: string, sections: Section[]): void {
  const text = `${[head.trim(), ...sections.map(sectionText)].join('\n\n').trim()}\n`;
  let before = '';
  try {
    before = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  if (text !== before) writeFileSync(file, text);
}
