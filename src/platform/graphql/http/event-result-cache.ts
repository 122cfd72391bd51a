import { createHash } from 'node:crypto';
import { type ExecutionArgs, type ExecutionResult, print } from 'graphql';
import { LRUCache } from 'lru-cache';
import type { Viewer } from '../../auth/viewer.ts';
import { serializedData } from '../executor/serialized-result.ts';
import { isTenantScoped } from '../tenant-scoped.ts';

const MAX_BYTES = 16 * 1024 * 1024;

interface Shared {
  /** Counts executions in the order in which they began. */
  number: number;
  result: Promise<ExecutionResult>;
  /** The same, once it is there and may be told to others. */
  settled: ExecutionResult | undefined;
}

/** @param after only a result whose execution has a higher number will do */
type FindShared = (row: object, after: number, execute: () => Promise<ExecutionResult>) => Shared;

const texts = new WeakMap<ExecutionResult, string>();
const bytes = new WeakMap<ExecutionResult, Buffer>();

/** A result as JSON, written once however many it is told to. */
export function resultText(result: ExecutionResult): string {
  let text = texts.get(result);
  if (text === undefined) {
    const data = serializedData(result);
    text = data === undefined ? JSON.stringify(result) : `{"data":${data}}`;
    texts.set(result, text);
  }
  return text;
}

/** The same in UTF-8, which nobody may change. */
export function resultBytes(result: ExecutionResult): Buffer {
  let buffer = bytes.get(result);
  if (!buffer) {
    buffer = Buffer.from(resultText(result));
    bytes.set(result, buffer);
  }
  return buffer;
}

/** Whether JSON says all there is to know of a value. A file of a multipart request is none. */
function isJson(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value !== 'function' && typeof value !== 'bigint';
  if (Array.isArray(value)) return value.every(isJson);
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === null || prototype === Object.prototype) && Object.values(value).every(isJson);
}

/**
 * What the result of an event depends on, besides the event: two subscriptions with the same key get the same result of the same row.
 * Undefined where that cannot be told.
 */
export function resultCacheKey(args: ExecutionArgs, viewer: Viewer): string | undefined {
  const { schema, document, operationName, variableValues } = args;
  if (!isJson(variableValues ?? {})) return undefined;
  const { tenantId, userId, apiKeyId, sessionId, role, permissions } = viewer;
  const who = isTenantScoped(schema, document) ? [apiKeyId !== undefined] : [userId, apiKeyId, sessionId];
  const all = JSON.stringify([
    print(document),
    operationName ?? null,
    variableValues ?? {},
    tenantId,
    role,
    [...permissions].sort(),
    ...who.map((part) => part ?? null),
  ]);
  // Short, for it is looked up at every delivery.
  return createHash('sha256').update(all).digest('base64');
}

/**
 * Results of events, executed and serialised once for all subscriptions for which they are the same. Kept only for those who are about
 * to ask: what is not remembered any more is executed again.
 */
export class EventResultCache {
  readonly #shared = new LRUCache<string, Shared>({ maxSize: MAX_BYTES });
  readonly #rows = new WeakMap<object, number>();
  #rowCount = 0;
  #executions = 0;

  /** @param key see `resultCacheKey` */
  reader(key: string): EventResultReader {
    return new EventResultReader(
      (row, after, execute) => this.#get(`${this.#numberOf(row)} ${key}`, after, execute),
      this.#executions,
    );
  }

  #numberOf(row: object): number {
    let number = this.#rows.get(row);
    if (number === undefined) {
      number = ++this.#rowCount;
      this.#rows.set(row, number);
    }
    return number;
  }

  #get(key: string, after: number, execute: () => Promise<ExecutionResult>): Shared {
    const known = this.#shared.get(key);
    if (known && known.number > after) return known;
    const shared: Shared = { number: ++this.#executions, result: execute(), settled: undefined };
    this.#shared.set(key, shared, { size: key.length });
    const keep = (result: ExecutionResult) => {
      if (!result.errors) shared.settled = result;
      if (this.#shared.peek(key) !== shared) return;
      // An error tells of whom it happened to, and may be over for the next.
      if (result.errors) this.#shared.delete(key);
      else this.#shared.set(key, shared, { size: key.length + 2 * resultText(result).length });
    };
    shared.result.then(keep, () => this.#shared.delete(key));
    return shared;
  }
}

/** The results of one subscription. It never sees the world go back: what was read before its last result is read again. */
export class EventResultReader {
  readonly #get: FindShared;
  #last: number;

  constructor(get: FindShared, since: number) {
    this.#get = get;
    this.#last = since;
  }

  /**
   * The result of a row.
   * @param execute as this subscription's viewer
   */
  get(row: object, execute: () => Promise<ExecutionResult>): ExecutionResult | Promise<ExecutionResult> {
    let mine = false;
    const shared = this.#get(row, this.#last, () => {
      mine = true;
      return execute();
    });
    this.#last = shared.number;
    return shared.settled ?? shared.result.then((result) => (result.errors && !mine ? execute() : result));
  }
}
