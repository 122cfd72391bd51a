import type { LRUCache } from 'lru-cache';
import pg from 'pg';
import { namedCache } from '../../lib/cache-stats.ts';

const INT8 = 20;
const TIMESTAMPTZ = 1184;

type Parse = (text: string) => unknown;

const parseTimestamp = pg.types.getTypeParser(TIMESTAMPTZ, 'text') as Parse;
const UTC = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?\+00$/;
const ZERO = 48;

/** Parses the decimal digits between two positions. */
function digits(text: string, start: number, end: number): number {
  let number = 0;
  for (let index = start; index < end; index++) number = number * 10 + text.charCodeAt(index) - ZERO;
  return number;
}

/** Parses a UTC timestamp, truncated to milliseconds. Faster than the parser of pg, which handles every other format. */
function timestamp(text: string): unknown {
  if (!UTC.test(text) || text.startsWith('00')) return parseTimestamp(text);
  // 2026-01-31 23:59:59.123456+00
  const fraction = Math.min(text.length - 3, 23);
  const milliseconds = fraction > 20 ? digits(text, 20, fraction) * 10 ** (23 - fraction) : 0;
  const [year, month, day] = [digits(text, 0, 4), digits(text, 5, 7), digits(text, 8, 10)];
  return new Date(Date.UTC(year, month - 1, day, digits(text, 11, 13), digits(text, 14, 16), digits(text, 17, 19), milliseconds));
}

const parsers = new Map<number, Parse>([
  [INT8, BigInt],
  [TIMESTAMPTZ, timestamp],
]);

/** The types of Prisma: bigint for int8, Date for timestamptz, string for numeric. */
export const typeParsers: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number) => {
    let parse = parsers.get(oid);
    if (!parse) {
      parse = pg.types.getTypeParser(oid, 'text') as Parse;
      parsers.set(oid, parse);
    }
    return parse;
  }) as typeof pg.types.getTypeParser,
};

/** The property name of a column in decoded rows. */
export function camelCase(column: string): string {
  return column.replace(/(?<=.)_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Name and type of a result column. */
export type Column = Pick<pg.FieldDef, 'name' | 'dataTypeID'>;
/** An undecoded row: the text of each value. */
export type RawRow = readonly (string | null)[];

const passThrough = pg.types.getTypeParser(pg.types.builtins.TEXT, 'text');

/** The source of an object with camelCase keys, by the source of each value. */
function objectSource(columns: readonly { name: string }[], valueAt: (index: number) => string): string {
  return `{${columns.map(({ name }, index) => `${JSON.stringify(camelCase(name))}: ${valueAt(index)}`).join()}}`;
}

/** One for each expected statement text (see `MAX_NAMES` in `prepared-statements.ts`). Statements with the same columns share one. */
const MAX_BUILDERS = 75 * 20;

/** Caches decoders by their columns: first by the identity of the array, then by names and types. */
class BuilderCache<Builder extends object> {
  readonly #build: (columns: readonly Column[]) => Builder;
  readonly #byIdentity = new WeakMap<readonly Column[], Builder>();
  readonly #byShape: LRUCache<string, Builder>;

  constructor(name: string, build: (columns: readonly Column[]) => Builder) {
    this.#build = build;
    this.#byShape = namedCache(name, { max: MAX_BUILDERS });
  }

  for(columns: readonly Column[]): Builder {
    const known = this.#byIdentity.get(columns);
    if (known) return known;
    const shape = columns.map(({ name, dataTypeID }) => `${name} ${dataTypeID}`).join();
    const builder = this.#byShape.get(shape) ?? this.#build(columns);
    this.#byShape.set(shape, builder);
    this.#byIdentity.set(columns, builder);
    return builder;
  }
}

type Reader = (row: RawRow) => object;
type Decoder = (values: unknown) => object;

/** Whether `new Function` works. Hardened installations disable it with `--disallow-code-generation-from-strings`. */
function canGenerateCode(): boolean {
  try {
    return new Function('return true')() === true;
  } catch {
    return false;
  }
}

/**
 * Generates code that creates each row with an object literal, so that all rows share one hidden class. The keys are column names, escaped
 * with JSON.stringify.
 */
const generated = {
  reader(columns: readonly Column[]): Reader {
    const parse = columns.map(({ dataTypeID }) => typeParsers.getTypeParser(dataTypeID, 'text') as Parse);
    const names = parse.map((_, index) => `parse${index}`);
    const valueAt = (index: number) =>
      parse[index] === passThrough ? `row[${index}]` : `row[${index}] === null ? null : parse${index}(row[${index}])`;
    return new Function(...names, `return (row) => (${objectSource(columns, valueAt)})`)(...parse) as Reader;
  },
  decoder(columns: readonly Column[]): Decoder {
    return new Function('values', `return ${objectSource(columns, (index) => `values[${index}]`)}`) as Decoder;
  },
};

/** The same without generated code. Slower, because it adds the keys of each row one at a time. */
export const looped = {
  reader(columns: readonly Column[]): Reader {
    const fields = columns.map(({ name, dataTypeID }, index) => {
      const parse = typeParsers.getTypeParser(dataTypeID, 'text') as Parse;
      return { key: camelCase(name), index, parse };
    });
    return (row) => {
      const object: Record<string, unknown> = {};
      for (const { key, index, parse } of fields) {
        const text = row[index] ?? null;
        object[key] = text === null ? null : parse(text);
      }
      return object;
    };
  },
  decoder(columns: readonly Column[]): Decoder {
    const keys = columns.map(({ name }) => camelCase(name));
    return (values) => {
      const object: Record<string, unknown> = {};
      for (const [index, key] of keys.entries()) object[key] = (values as unknown[])[index];
      return object;
    };
  },
};

const builders = canGenerateCode() ? generated : looped;
const textDecoders = new BuilderCache('row_readers', builders.reader);
const valueDecoders = new BuilderCache('row_decoders', builders.decoder);

/** Returns a function that decodes rows of text to objects with camelCase keys. */
export function textRowDecoder(columns: readonly Column[]): (row: RawRow) => object {
  return textDecoders.for(columns);
}

/** Returns a function that converts arrays of parsed values to objects with camelCase keys. */
export function valueRowDecoder(columns: readonly Column[]): (values: unknown) => object {
  return valueDecoders.for(columns);
}
