import { createHash } from 'node:crypto';
import type { Resource, Tool } from '@modelcontextprotocol/sdk/types.js';
import type { Connection } from './connection.ts';
import { McpCallError } from './errors.ts';
import { jsonOf, listOf } from './reading/json-values.ts';
import { type ListProblem, labelOf, type ReadItem, readResource, readTool } from './reading/read-listed.ts';

const MAX_ITEMS = 500;
const MAX_PAGES = 100;
/** Limit per item, so that one large item does not take the list with it. */
const MAX_ITEM_BYTES = 200_000;

export interface ListBounds {
  signal: AbortSignal;
  maxBytes: number;
  /** Called for each item that is skipped or changed, and for a list without end. */
  onProblem?: ((problem: ListProblem) => void) | undefined;
}

/** Lists all tools of a server. Avoids the SDK's `listTools`, which would compile schemas from an untrusted server. */
export async function listAllTools(connection: Connection, bounds: ListBounds): Promise<Tool[]> {
  try {
    return await allPages(connection, 'tools', bounds, readTool);
  } catch (error) {
    // Some servers have tools without the capability. The others reject the request.
    const isRejected = error instanceof McpCallError && error.code === 'PROTOCOL' && !error.mayHaveRun;
    if (isRejected && !connection.offers('tools')) return [];
    throw error;
  }
}

export async function listAllResources(connection: Connection, bounds: ListBounds): Promise<Resource[]> {
  if (!connection.offers('resources')) return [];
  return allPages(connection, 'resources', bounds, readResource);
}

/**
 * Reads all pages and judges each item on its own. Null and an empty cursor end the list. A server that goes round in a circle does too, with
 * a problem.
 */
async function allPages<T>(
  connection: Connection,
  what: 'tools' | 'resources',
  { signal, maxBytes, onProblem = () => {} }: ListBounds,
  read: (value: unknown) => ReadItem<T>,
): Promise<T[]> {
  const items: T[] = [];
  const pages = new Pages();
  let listed = 0;
  let bytes = 0;
  for (let cursor: unknown; ; ) {
    const params = cursor === undefined ? {} : { cursor: cursor as string };
    const result = await connection.request({ method: `${what}/list`, params }, { signal });
    const values = listOf(result[what]);
    if (!values) throw new McpCallError('PROTOCOL', `The MCP server responded with ${what} that are not a list.`);
    for (const value of pages.newOf(values)) {
      if (++listed > MAX_ITEMS) throw new McpCallError('TOO_LARGE', `The MCP server lists more than ${MAX_ITEMS} ${what}.`);
      const found = read(value);
      const size = 'item' in found ? jsonBytes(found.item) : 0;
      const label = labelOf(value, listed);
      if ('skipped' in found || size > MAX_ITEM_BYTES) {
        onProblem({ skipped: true, reason: `${label}: ${'skipped' in found ? found.skipped : 'it is too large'}.` });
        continue;
      }
      for (const repair of found.repairs) onProblem({ skipped: false, reason: `${label}: ${repair}.` });
      items.push(found.item);
      bytes += size;
      if (bytes > maxBytes) throw new McpCallError('TOO_LARGE', `The list of ${what} exceeds ${maxBytes} bytes.`);
    }
    cursor = result.nextCursor;
    if (!cursor) return items;
    const circle = pages.circleAt(cursor);
    if (!circle) continue;
    if (items.length === 0) throw new McpCallError('PROTOCOL', `The list of ${what} has no end.`);
    onProblem({ skipped: false, reason: `The list of ${what} has no end: ${circle}.` });
    return items;
  }
}

/** Remembers the pages of a list, to detect a server that goes round in a circle. */
class Pages {
  readonly #items = new Set<string>();
  readonly #cursors = new Set<string>();
  #read = 0;
  #isRepeated = false;

  /** Returns the items of the next page that no earlier page contains. */
  newOf(values: readonly unknown[]): unknown[] {
    const hashes = values.map((value) =>
      createHash('sha256')
        .update(jsonOf(value) ?? '')
        .digest('base64'),
    );
    const found = values.filter((_, index) => !this.#items.has(hashes[index] as string));
    for (const hash of hashes) this.#items.add(hash);
    this.#read++;
    this.#isRepeated = values.length > 0 && found.length === 0;
    return found;
  }

  /** Returns why the list does not go on at this cursor. */
  circleAt(cursor: unknown): string | undefined {
    const name = jsonOf(cursor) ?? '';
    if (this.#cursors.has(name)) return 'the server repeats a cursor';
    this.#cursors.add(name);
    if (this.#isRepeated) return 'the server sends the same items again';
    return this.#read >= MAX_PAGES ? `it was read up to page ${MAX_PAGES}` : undefined;
  }
}

/** Returns Infinity for a value nested too deeply to serialize. */
export function jsonBytes(value: unknown): number {
  const json = jsonOf(value);
  return json === undefined ? Number.POSITIVE_INFINITY : Buffer.byteLength(json);
}
