import { GraphQLBoolean, GraphQLID, GraphQLInt, type GraphQLLeafType, GraphQLString, isEnumType } from 'graphql';
import { DateTimeResolver, UUIDResolver } from 'graphql-scalars';
import type { JsonChunk } from './json-chunks.ts';
import { PlanBailout } from './plan-execution.ts';

/** Writes a value that is not null as JSON. Throws what the type's `serialize` throws, and PlanBailout if that returns nothing. */
export type LeafSerializer = (value: unknown, out: JsonChunk[]) => void;

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** Years that ISO 8601 writes with four digits. */
const [FIRST_DAY, LAST_DAY] = [Date.UTC(1000, 0, 1) / DAY_MS, Date.UTC(9999, 11, 31) / DAY_MS];
const two = (number: number) => String(number).padStart(2, '0');
const MINUTES = Array.from({ length: 1440 }, (_, minute) => `${two(Math.floor(minute / 60))}:${two(minute % 60)}:`);
const SECONDS = Array.from({ length: 60 }, (_, second) => `${two(second)}.`);
const MILLISECONDS = Array.from({ length: 1000 }, (_, ms) => `${String(ms).padStart(3, '0')}Z"`);
let lastDay = Number.NaN;
let lastDate = '';

/** The result of `toISOString`, from cached parts: the times of a list are often on one day. */
function writeDateTime(date: Date, out: JsonChunk[]): void {
  const time = date.getTime();
  const day = Math.floor(time / DAY_MS);
  if (day !== lastDay) {
    if (!(day >= FIRST_DAY && day <= LAST_DAY)) {
      out.push(JSON.stringify(date));
      return;
    }
    lastDate = `"${date.toISOString().slice(0, 11)}`;
    lastDay = day;
  }
  const rest = time - day * DAY_MS;
  const minute = Math.floor(rest / MINUTE_MS);
  const ms = rest - minute * MINUTE_MS;
  const second = Math.floor(ms / 1000);
  out.push(lastDate, MINUTES[minute] as string, SECONDS[second] as string, MILLISECONDS[ms - second * 1000] as string);
}

function isDateTime(value: unknown): value is Date {
  return value instanceof Date && !Number.isNaN(value.getTime());
}

function writeSerialized(value: unknown, out: JsonChunk[]): void {
  const json = value === null ? undefined : (JSON.stringify(value) as string | undefined);
  if (json === undefined) throw new PlanBailout('a scalar serialized a value to undefined');
  out.push(json);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Writes common values of a type without calling its `serialize`. Returns false for all others. */
type FastSerializer = (value: unknown, out: JsonChunk[]) => boolean;

const fastSerializers: Record<string, FastSerializer> = {
  [GraphQLString.name]: (value, out) => typeof value === 'string' && out.push(JSON.stringify(value)) > 0,
  [GraphQLID.name]: (value, out) => typeof value === 'string' && out.push(JSON.stringify(value)) > 0,
  [GraphQLInt.name]: (value, out) => typeof value === 'number' && (value | 0) === value && out.push(String(value)) > 0,
  [GraphQLBoolean.name]: (value, out) => typeof value === 'boolean' && out.push(value ? 'true' : 'false') > 0,
  [UUIDResolver.name]: (value, out) => typeof value === 'string' && UUID.test(value) && out.push('"', value, '"') > 0,
  [DateTimeResolver.name]: (value, out) => {
    if (!isDateTime(value)) return false;
    writeDateTime(value, out);
    return true;
  },
};

export function leafSerializer(type: GraphQLLeafType): LeafSerializer {
  const writeAny: LeafSerializer = (value, out) => writeSerialized(type.serialize(value), out);
  if (isEnumType(type)) {
    const known = new Map<unknown, string>(type.getValues().map(({ name, value }) => [value, `"${name}"`]));
    return (value, out) => {
      const json = known.get(value);
      if (json === undefined) writeAny(value, out);
      else out.push(json);
    };
  }
  const quick = fastSerializers[type.name];
  if (!quick) return writeAny;
  return (value, out) => {
    if (!quick(value, out)) writeAny(value, out);
  };
}
