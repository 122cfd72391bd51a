/** A text item on a page, as PDF.js returns it. */
export interface TextItem {
  str: string;
  /** The last two numbers are the start of the text, from the lower left corner. */
  transform: number[];
  width: number;
  height: number;
  hasEOL: boolean;
}

/** Separator of distant parts of a line. */
const CELL = ' | ';

interface Line {
  text: string;
  y: number;
  height: number;
  right: number;
  /** Whether parts of the line are distant, as in a table. */
  spread: boolean;
}

function linesOf(items: readonly TextItem[]): Line[] {
  const lines: Line[] = [];
  let current: Line | undefined;
  let gap = '';
  for (const { str, transform, width, height, hasEOL } of items) {
    const [x = 0, y = 0] = transform.slice(4);
    if (str.trim()) {
      current ??= { text: '', y, height, right: 0, spread: false };
      current.spread ||= gap === CELL;
      current.text += gap + str;
      current.height = Math.max(current.height, height);
      current.right = Math.max(current.right, x + width);
      gap = '';
    } else if (str && current) {
      gap = gap === CELL || width > 2 * current.height ? CELL : ' ';
    }
    if (hasEOL && current) {
      lines.push(current);
      current = undefined;
      gap = '';
    }
  }
  if (current) lines.push(current);
  return lines.map((line) => ({ ...line, text: line.text.trim() }));
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)] ?? 0;
}

/** Joins the lines of a paragraph and the parts of hyphenated words. */
function joined(block: readonly Line[]): string {
  const right = block.reduce((most, line) => Math.max(most, line.right), 0);
  let text = '';
  for (const [index, line] of block.entries()) {
    const before = block[index - 1];
    if (!before) text = line.text;
    else if (before.spread || line.spread || before.right < right * 0.8) text += `\n${line.text}`;
    else if (/\p{Ll}-$/u.test(text.slice(-4)) && /^\p{Ll}/u.test(line.text)) text = text.slice(0, -1) + line.text;
    else text += ` ${line.text}`;
  }
  return text;
}

/** The text of a page. A larger line distance or another font size begins a new paragraph. */
export function pageText(items: readonly TextItem[]): string {
  const lines = linesOf(items);
  const gaps = lines.slice(1).map((line, index) => (lines[index]?.y ?? 0) - line.y);
  const usual = median(gaps.filter((gap) => gap > 0));
  const blocks: Line[][] = [];
  for (const [index, line] of lines.entries()) {
    const before = lines[index - 1];
    const gap = gaps[index - 1] ?? 0;
    const apart = !before || gap < 0 || gap > usual * 1.35 || Math.abs(before.height - line.height) > line.height * 0.2;
    if (apart) blocks.push([line]);
    else blocks.at(-1)?.push(line);
  }
  return blocks.map(joined).join('\n\n');
}
