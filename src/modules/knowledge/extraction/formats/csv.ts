import { CsvError, parse } from 'csv-parse/sync';
import { UnreadableDocumentError } from '../errors.ts';
import { sectionTitle, type TextBlockCollector } from '../text-blocks.ts';
import { normalizeWhitespace } from './normalize-whitespace.ts';

const MAX_COLUMNS = 10_000;
/** A longer value becomes a separate block whose section is the column name. */
const LONG_VALUE = 2_000;
/** Approximate number of characters of a block of rows. */
const BATCH = 100_000;

/** The most frequent separator in the first line. */
function delimiterOf(text: string): string {
  const line = text.slice(0, 65_536).split('\n', 1)[0] ?? '';
  const counted = [',', ';', '\t', '|'].map((mark) => ({ mark, count: line.split(mark).length }));
  return counted.reduce((best, next) => (next.count > best.count ? next : best)).mark;
}

class RowReader {
  readonly #collector: TextBlockCollector;
  #header: string[] | undefined;
  #rows: string[] = [];
  #length = 0;
  #count = 0;

  constructor(collector: TextBlockCollector) {
    this.#collector = collector;
  }

  row(values: string[]): void {
    if (values.length > MAX_COLUMNS) {
      throw new UnreadableDocumentError(
        'TOO_LARGE',
        `The table has more than ${MAX_COLUMNS.toLocaleString('en')} columns. Split it into smaller tables.`,
      );
    }
    if (!this.#header) {
      this.#header = values.map(sectionTitle);
      return;
    }
    this.#count += 1;
    const long: { name: string; value: string }[] = [];
    const lines: string[] = [];
    for (const [index, raw] of values.entries()) {
      const name = this.#header[index] || `column ${index + 1}`;
      const value = normalizeWhitespace(raw).replaceAll('\n\n', '\n');
      if (!value) continue;
      if (value.length > LONG_VALUE) long.push({ name, value: raw });
      else lines.push(`${name}: ${value}`);
    }
    this.#add(lines.join('\n'));
    for (const { name, value } of long) {
      this.#flush();
      this.#collector.add(`${name}: ${value}`, { section: name });
    }
  }

  end(): void {
    this.#flush();
    // A table of only a header is still text.
    if (this.#count === 0) this.#collector.add((this.#header ?? []).filter(Boolean).join('\n'));
  }

  #add(text: string): void {
    if (!text) return;
    this.#rows.push(text);
    this.#length += text.length;
    this.#collector.reserve(this.#length);
    if (this.#length > BATCH) this.#flush();
  }

  #flush(): void {
    this.#collector.add(this.#rows.join('\n\n'));
    this.#rows = [];
    this.#length = 0;
  }
}

/** Converts each row to lines of `header: value`, so that a chunk is meaningful without the header row. */
export function readCsv(text: string, collector: TextBlockCollector): void {
  const reader = new RowReader(collector);
  try {
    parse(text, {
      bom: true,
      delimiter: delimiterOf(text),
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
      // Rows are processed one by one, so that the parser does not store them.
      on_record: (values: string[]) => {
        reader.row(values);
        return null;
      },
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new UnreadableDocumentError(
      'DAMAGED',
      'The table cannot be read: a quotation mark is not closed. Close it and upload the file again.',
      {
        cause: error,
      },
    );
  }
  reader.end();
}
