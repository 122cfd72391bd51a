import { isUtf8 } from 'node:buffer';

/** Limits of a JSON text, which bound the time that parsing and reading the result take. */
export interface JsonLimits {
  /** Levels of arrays and objects. */
  depth: number;
  /** Members of all objects. They cost several times as much as items of arrays. */
  members: number;
  /** Items of all arrays, and members. */
  values: number;
}

/** Deeper than any input: stored JSON has at most 64 levels below the variables. */
export const DEFAULT_JSON_LIMITS: Readonly<JsonLimits> = { depth: 100, members: 10_000, values: 20_000 };

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const SPACES = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * Finds out while a JSON text arrives that it exceeds a limit. Reads each byte once, and stops at the first excess. The text may be invalid
 * otherwise: `JSON.parse` reports that.
 */
export class JsonScanner {
  readonly #limits: JsonLimits;
  #started = false;
  #inString = false;
  #escaped = false;
  #depth = 0;
  #members = 0;
  #values = 0;

  constructor(limits: JsonLimits = DEFAULT_JSON_LIMITS) {
    this.#limits = limits;
  }

  /** Reads further bytes. Returns what is wrong with the text so far, as a sentence; undefined if it is within the limits. */
  push(bytes: Uint8Array): string | undefined {
    let at = this.#started ? 0 : this.#start(bytes);
    if (!this.#started) return undefined;
    for (; at < bytes.length; at++) {
      const byte = bytes[at];
      if (this.#inString) {
        at = this.#endOfString(bytes, at);
        continue;
      }
      switch (byte) {
        case QUOTE:
          this.#inString = true;
          break;
        case OPEN_BRACKET:
        case OPEN_BRACE:
          this.#values++;
          if (++this.#depth > this.#limits.depth) return `The JSON has more than ${this.#limits.depth} levels.`;
          break;
        case CLOSE_BRACKET:
        case CLOSE_BRACE:
          this.#depth--;
          break;
        case COLON:
          if (++this.#members > this.#limits.members) return `The JSON has more than ${this.#limits.members} members of objects.`;
          break;
        case COMMA:
          if (++this.#values > this.#limits.values) return `The JSON has more than ${this.#limits.values} values.`;
          break;
        default:
      }
    }
    return undefined;
  }

  /** The index of the first byte that is not a space. The length, and not started, if there is none. */
  #start(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length && SPACES.has(bytes[at] as number)) at++;
    this.#started = at < bytes.length;
    return at;
  }

  /** The index of the quote that ends the string, or the length if these bytes do not contain it. */
  #endOfString(bytes: Uint8Array, start: number): number {
    let at = start;
    let escaped = this.#escaped;
    for (; at < bytes.length; at++) {
      if (escaped) escaped = false;
      else if (bytes[at] === BACKSLASH) escaped = true;
      else if (bytes[at] === QUOTE) {
        this.#inString = false;
        break;
      }
    }
    this.#escaped = escaped;
    return at;
  }
}

export type ParsedJson = { value: unknown } | { problem: string };

/** Parses a text that a scanner has read. */
export function parseScannedJson(bytes: Buffer): ParsedJson {
  if (!isUtf8(bytes)) return { problem: 'The body is not UTF-8.' };
  try {
    return { value: JSON.parse(bytes.toString('utf8')) };
  } catch {
    return { problem: 'The body is not valid JSON.' };
  }
}
