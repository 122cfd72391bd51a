import { tooDeep, UnreadableDocumentError } from '../errors.ts';
import { sectionTitle, type TextBlockCollector } from '../text-blocks.ts';
import { TextBuffer } from './text-buffer.ts';

const MAX_DEPTH = 500;
/** Maximum number of decimal digits that a double represents exactly. */
const SAFE_DIGITS = 15;
const NUMBER = /-?\d[\d.eE+-]*/y;
const LONG_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;

/**
 * Rejects deep nesting, and quotes long numbers, often identifiers, so that JSON.parse preserves their digits. A reviver could preserve them
 * too, but needs several times the memory, and JSON.parse is not interruptible.
 */
function prepared(text: string): string {
  const parts: string[] = [];
  let taken = 0;
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] as string;
    if (quoted && character === '\\') at += 1;
    else if (character === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (character === '[' || character === '{') depth += 1;
    else if (character === ']' || character === '}') depth -= 1;
    else if (character === '-' || (character >= '0' && character <= '9')) {
      NUMBER.lastIndex = at;
      const number = NUMBER.exec(text)?.[0] ?? character;
      if (number.length > SAFE_DIGITS && number.length < 1_000 && LONG_NUMBER.test(number)) {
        parts.push(text.slice(taken, at), `"${number}"`);
        taken = at + number.length;
      }
      at += number.length - 1;
    }
    if (depth > MAX_DEPTH) throw tooDeep();
  }
  return parts.length > 0 ? parts.join('') + text.slice(taken) : text;
}

function parseJson(text: string): unknown {
  const source = prepared(text);
  try {
    return JSON.parse(source);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UnreadableDocumentError('DAMAGED', 'The file is not valid JSON. Correct it and upload it again.', { cause: error });
  }
}

function isBranch(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** An object or list, and the position in it. */
class Branch {
  readonly #path: string;
  readonly #value: object;
  readonly #keys: string[] | undefined;
  #next = 0;

  constructor(path: string, value: object) {
    this.#path = path;
    this.#value = value;
    this.#keys = Array.isArray(value) ? undefined : Object.keys(value);
  }

  get isList(): boolean {
    return this.#keys === undefined;
  }

  next(): { path: string; value: unknown } | undefined {
    const index = this.#next++;
    if (!this.#keys) {
      const list = this.#value as unknown[];
      return index < list.length ? { path: `${this.#path}[${index}]`, value: list[index] } : undefined;
    }
    const key = this.#keys[index];
    if (key === undefined) return undefined;
    return { path: this.#path ? `${this.#path}.${key}` : key, value: (this.#value as Record<string, unknown>)[key] };
  }
}

class Lines {
  readonly #collector: TextBlockCollector;
  readonly #text = new TextBuffer();
  #gap = false;

  constructor(collector: TextBlockCollector) {
    this.#collector = collector;
  }

  add(path: string, value: unknown): void {
    if (value === null || value === '') return;
    if (this.#text.length > 0) this.#text.push(this.#gap ? '\n\n' : '\n');
    this.#gap = false;
    this.#text.push(path ? `${path}: ${value}` : String(value));
    this.#collector.reserve(this.#text.length);
  }

  addList(path: string, values: unknown[]): void {
    this.add(path, values.filter((value) => value !== null && value !== '').join(', '));
  }

  /** Separates the next value by an empty line. */
  gap(): void {
    this.#gap = true;
  }

  take(): string {
    return this.#text.take();
  }
}

/** Writes lines of `path: value`. A list of scalars is one line; objects in a list are separated by empty lines. */
function flatten(path: string, value: unknown, collector: TextBlockCollector): string {
  const lines = new Lines(collector);
  const stack: Branch[] = [];
  const write = (where: string, what: unknown) => {
    if (!isBranch(what)) lines.add(where, what);
    else if (Array.isArray(what) && !what.some(isBranch)) lines.addList(where, what);
    else stack.push(new Branch(where, what));
  };
  write(path, value);
  for (let branch = stack.at(-1); branch; branch = stack.at(-1)) {
    const member = branch.next();
    if (!member) stack.pop();
    else {
      if (branch.isList) lines.gap();
      write(member.path, member.value);
    }
  }
  return lines.take();
}

/** Collects the blocks of a JSON document, one per key of the root object. */
export function readJson(text: string, collector: TextBlockCollector): void {
  const value = parseJson(text);
  if (!isBranch(value) || Array.isArray(value)) {
    collector.add(flatten('', value, collector));
    return;
  }
  for (const [key, item] of Object.entries(value)) {
    collector.add(flatten(key, item, collector), { section: sectionTitle(key) });
  }
}
