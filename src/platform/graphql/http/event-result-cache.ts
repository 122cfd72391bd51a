import { createHash } from 'node:crypto';
import { type ExecutionArgs, type ExecutionResult, print } from 'graphql';
import type { Viewer } from '../../auth/viewer.ts';
import { namedCache } from '../../lib/cache-stats.ts';
import { serializedData } from '../executor/serialized-result.ts';
import { isTenantScoped } from '../tenant-scoped.ts';

const MAX_BYTES = 16 * 1024 * 1024;

interface Shared {
  /** Counts executions in the order in which they began. */
  number: number;
  result: Promise<ExecutionResult>;
  /** The same, once it has settled without errors. */
  settled: ExecutionResult | undefined;
}

/** @param after returns only a result whose execution has a higher number */
type FindShared = (row: object, after: number, execute: () => Promise<ExecutionResult>) => Shared;

const texts = new WeakMap<ExecutionResult, string>();
const bytes = new WeakMap<ExecutionResult, Buffer>();

/** A result as JSON, serialized once for all subscribers. */
export function resultText(result: ExecutionResult): string {
  let text = texts.get(result);
  if (text === undefined) {
    const data = serializedData(result);
    text = data === undefined ? JSON.stringify(result) : `{"data":${data}}`;
    texts.set(result, text);
  }
  return text;
}

/** The same in UTF-8. The buffer is shared: do not modify it. */
export function resultBytes(result: ExecutionResult): Buffer {
  let buffer = bytes.get(result);
  if (!buffer) {
    buffer = Buffer.from(resultText(result));
    bytes.set(result, buffer);
  }
  return buffer;
}

/** Whether JSON represents the value completely. It does not represent a file of a multipart request. */
function isJson(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value !== 'function' && typeof value !== 'bigint';
  if (Array.isArray(value)) return value.every(isJson);
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === null || prototype === Object.prototype) && Object.values(value).every(isJson);
}

/**
 * What the result of an event depends on, besides the event: two subscriptions with the same key have the same result for the same row.
 * Undefined if the variables have no complete JSON.
 */
export function resultCacheKey(args: ExecutionArgs, viewer: Viewer): string | undefined {
  const { schema, document, operationName, variableValues } = args;
  if (!isJson(variableValues ?? {})) return undefined;
  const { tenantId, userId, apiKeyId, sessionId, role, permissions } = viewer;
  const actor = isTenantScoped(schema, document) ? [apiKeyId !== undefined] : [userId, apiKeyId, sessionId];
  const all = JSON.stringify([
    print(document),
    operationName ?? null,
    variableValues ?? {},
    tenantId,
    role,
    [...permissions].sort(),
    ...actor.map((part) => part ?? null),
  ]);
  // A short key: every delivery looks it up.
  return createHash('sha256').update(all).digest('base64');
}

/**
 * Results of events, executed and serialized once for all subscriptions that share them. An evicted result is executed again.
 */
export class EventResultCache {
  readonly #shared = namedCache<string, Shared>('event_results', { maxSize: MAX_BYTES });
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
    const store = (result: ExecutionResult) => {
      if (!result.errors) shared.settled = result;
      if (this.#shared.peek(key) !== shared) return;
      // An error may concern one viewer only, or be transient.
      if (result.errors) this.#shared.delete(key);
      else this.#shared.set(key, shared, { size: key.length + 2 * resultText(result).length });
    };
    shared.result.then(store, () => this.#shared.delete(key));
    return shared;
  }
}

/** The results of one subscription. It never goes back in time: it ignores results that were executed before its last one. */
export class EventResultReader {
  readonly #get: FindShared;
  #last: number;

  constructor(get: FindShared, since: number) {
    this.#get = get;
    this.#last = since;
  }

  /**
   * The result of a row.
   * @param execute executes the event as this subscription's viewer
   */
  get(row: object, execute: () => Promise<ExecutionResult>): ExecutionResult | Promise<ExecutionResult> {
    let isOwn = false;
    const shared = this.#get(row, this.#last, () => {
      isOwn = true;
      return execute();
    });
    this.#last = shared.number;
    return shared.settled ?? shared.result.then((result) => (result.errors && !isOwn ? execute() : result));
  }
}
