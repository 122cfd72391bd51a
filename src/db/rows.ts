import pg from 'pg';

const INT8 = 20;
const TIMESTAMPTZ = 1184;

type Parse = (text: string) => unknown;

const parseTimestamp = pg.types.getTypeParser(TIMESTAMPTZ, 'text') as Parse;
const UTC = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?\+00$/;
const ZERO = 48;

/** The number that stands in some places of a text. */
function digits(text: string, start: number, end: number): number {
  let number = 0;
  for (let place = start; place < end; place++) number = number * 10 + text.charCodeAt(place) - ZERO;
  return number;
}

/** A moment as PostgreSQL writes it in UTC, to the millisecond: what almost every column of a list has. */
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

/** As Prisma gives them: bigint for int8, Date for timestamps, numeric as its text. */
export const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number) => {
    let parse = parsers.get(oid);
    if (!parse) {
      parse = pg.types.getTypeParser(oid, 'text') as Parse;
      parsers.set(oid, parse);
    }
    return parse;
  }) as typeof pg.types.getTypeParser,
};

/** The property of a row that a column is. */
export function camelCase(column: string): string {
  return column.replace(/(?<=.)_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

type Decode = (values: readonly unknown[]) => object;

const decoders = new Map<string, Decode>();
const MAX_DECODERS = 1000;
/** The same by the columns of a statement that has told them before. */
const decoded = new WeakMap<readonly { name: string }[], Decode>();

/**
 * Makes objects with camelCase keys of rows that came as arrays. Written as an object literal, so that all rows of a statement have one
 * shape from the start; its keys are names of columns, put down as strings.
 */
export function decoderOf(fields: readonly { name: string }[]): Decode {
  const known = decoded.get(fields);
  if (known) return known;
  const key = fields.map(({ name }) => name).join();
  let decode = decoders.get(key);
  if (!decode) {
    const properties = fields.map(({ name }, index) => `${JSON.stringify(camelCase(name))}: values[${index}]`);
    decode = new Function('values', `return {${properties.join()}}`) as Decode;
    if (decoders.size < MAX_DECODERS) decoders.set(key, decode);
  }
  decoded.set(fields, decode);
  return decode;
}
