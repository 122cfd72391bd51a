import { Parser } from 'htmlparser2';
import { tooDeep } from '../errors.ts';
import { SECTION_SEPARATOR, sectionTitle, type TextBlockCollector } from '../text-blocks.ts';
import { HtmlTextBuilder, LINE, PARAGRAPH } from './html-text-builder.ts';

/** Maximum depth of nested elements, above that of real pages. */
const MAX_DEPTH = 2_000;
/** Characters passed to the parser at once. */
const SLICE = 65_536;

const noise = new Set(['script', 'style', 'noscript', 'template', 'head', 'nav', 'svg', 'iframe', 'object', 'canvas', 'button']);
const paragraphs = new Set(
  'address article aside blockquote details div dl fieldset figure footer form header hr main ol p pre section table ul'.split(
    ' ',
  ),
);
const lines = new Set(['br', 'caption', 'dd', 'dt', 'figcaption', 'legend', 'li', 'option', 'summary']);

type Attributes = Record<string, string>;

function isNoise(name: string, attributes: Attributes): boolean {
  return noise.has(name) || 'hidden' in attributes || attributes.role === 'navigation' || attributes['aria-hidden'] === 'true';
}

function headingLevel(name: string): number {
  return /^h[1-6]$/.test(name) ? Number(name[1]) : 0;
}

/** Handles the tags of a page as a stream. It builds no tree, which a deeply nested page could exhaust. */
class HtmlReader {
  readonly #collector: TextBlockCollector;
  readonly #text = new HtmlTextBuilder();
  readonly #path: { level: number; title: string }[] = [];
  #heading: { level: number; text: HtmlTextBuilder } | undefined;
  #depth = 0;
  /** The depth at which an excluded element began. */
  #noiseFrom = 0;
  #preformatted = 0;

  constructor(collector: TextBlockCollector) {
    this.#collector = collector;
  }

  open(name: string, attributes: Attributes): void {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw tooDeep();
    if (this.#noiseFrom > 0) return;
    if (isNoise(name, attributes)) {
      this.#noiseFrom = this.#depth;
      return;
    }
    const level = headingLevel(name);
    if (level > 0) this.#openHeading(level);
    this.#separate(name);
    if (name === 'tr') this.#text.openRow();
    else if (name === 'td' || name === 'th') this.#text.openCell();
    else if (name === 'li') this.#text.mark('- ');
    else if (name === 'pre') this.#preformatted += 1;
    else if (name === 'img' && attributes.alt) this.text(` ${attributes.alt} `);
  }

  close(name: string): void {
    this.#depth -= 1;
    if (this.#noiseFrom > 0) {
      if (this.#depth < this.#noiseFrom) this.#noiseFrom = 0;
      return;
    }
    if (headingLevel(name) > 0) this.#closeHeading();
    if (name === 'pre') this.#preformatted -= 1;
    else if (name === 'tr') this.#text.closeRow();
    else if (name === 'li') this.#text.mark('');
    this.#separate(name);
  }

  text(text: string): void {
    if (this.#noiseFrom > 0) return;
    if (this.#heading) this.#heading.text.flow(text);
    else if (this.#preformatted > 0) this.#text.literal(text);
    else this.#text.flow(text);
    this.#collector.reserve(this.#text.length);
  }

  end(): void {
    this.#closeHeading();
    this.#flush();
  }

  #separate(name: string): void {
    const kind = paragraphs.has(name) ? PARAGRAPH : lines.has(name) ? LINE : undefined;
    if (kind !== undefined) (this.#heading?.text ?? this.#text).break(kind);
  }

  #openHeading(level: number): void {
    this.#closeHeading();
    this.#heading = { level, text: new HtmlTextBuilder() };
  }

  #closeHeading(): void {
    if (!this.#heading) return;
    const { level, text } = this.#heading;
    this.#heading = undefined;
    const title = text.take();
    if (!title) return;
    this.#flush();
    while ((this.#path.at(-1)?.level ?? 0) >= level) this.#path.pop();
    this.#path.push({ level, title: sectionTitle(title) });
    this.#text.literal(title);
    this.#text.break(PARAGRAPH);
  }

  #flush(): void {
    const section = this.#path.map(({ title }) => title).join(SECTION_SEPARATOR);
    this.#collector.add(this.#text.take(), { section });
  }
}

/** Yields a page in parts. */
export interface HtmlWriter {
  write(html: string): void;
  end(): void;
}

/** Collects the blocks of a page, one per heading, with the headings above it as the section. */
export function writeHtml(collector: TextBlockCollector): HtmlWriter {
  const reader = new HtmlReader(collector);
  const parser = new Parser({
    onopentag: (name, attributes) => reader.open(name, attributes),
    onclosetag: (name) => reader.close(name),
    ontext: (text) => reader.text(text),
  });
  return {
    write: (html) => {
      for (let start = 0; start < html.length; start += SLICE) parser.write(html.slice(start, start + SLICE));
    },
    end: () => {
      parser.end();
      reader.end();
    },
  };
}

export function readHtml(html: string, collector: TextBlockCollector): void {
  const writer = writeHtml(collector);
  writer.write(html);
  writer.end();
}
