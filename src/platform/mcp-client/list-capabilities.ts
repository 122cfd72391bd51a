import { ListResourcesResultSchema, ListToolsResultSchema, type Resource, type Tool } from '@modelcontextprotocol/sdk/types.js';
import type { Connection } from './connection.ts';
import { McpCallError } from './errors.ts';

const MAX_ITEMS = 500;
const MAX_PAGES = 100;

export interface ListBounds {
  signal: AbortSignal;
  maxBytes: number;
}

/** Lists all tools of a server. Avoids the SDK's `listTools`, which would compile schemas from an untrusted server. */
export async function listAllTools(connection: Connection, bounds: ListBounds): Promise<Tool[]> {
  if (!connection.offers('tools')) return [];
  return allPages('tools', bounds, async (params) => {
    const { tools, nextCursor } = await connection.request({ method: 'tools/list', params }, ListToolsResultSchema, bounds);
    return { items: tools, nextCursor };
  });
}

export async function listAllResources(connection: Connection, bounds: ListBounds): Promise<Resource[]> {
  if (!connection.offers('resources')) return [];
  return allPages('resources', bounds, async (params) => {
    const request = { method: 'resources/list' as const, params };
    const { resources, nextCursor } = await connection.request(request, ListResourcesResultSchema, bounds);
    return { items: resources, nextCursor };
  });
}

async function allPages<T>(
  what: string,
  { maxBytes }: ListBounds,
  page: (params: { cursor?: string }) => Promise<{ items: T[]; nextCursor?: string | undefined }>,
): Promise<T[]> {
  const all: T[] = [];
  let bytes = 0;
  let cursor: string | undefined;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const { items, nextCursor } = await page(cursor === undefined ? {} : { cursor });
    all.push(...items);
    bytes += jsonBytes(items);
    if (all.length > MAX_ITEMS) throw new McpCallError('TOO_LARGE', `The MCP server lists more than ${MAX_ITEMS} ${what}.`);
    if (bytes > maxBytes) throw new McpCallError('TOO_LARGE', `The list of ${what} exceeds ${maxBytes} bytes.`);
    if (nextCursor === undefined) return all;
    cursor = nextCursor;
  }
  throw new McpCallError('PROTOCOL', `The list of ${what} has more than ${MAX_PAGES} pages.`);
}

/** Returns Infinity for a value nested too deeply to serialize. */
export function jsonBytes(value: unknown): number {
  try {
    return Buffer.byteLength(JSON.stringify(value));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
