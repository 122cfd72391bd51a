import type { ListResourcesResult, ReadResourceResult } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { NotFoundError, ValidationError } from '../lib/errors.ts';
import { can, type McpContext, requirePermission } from './context.ts';
import type { ResourceKind } from './define-resource.ts';

const PAGE = 50;

const notACursor = () =>
  ValidationError.inputPath(['cursor'], 'This is not a cursor of this list. Use the nextCursor of a previous page.');

const cursorRule = z.tuple([z.string(), z.string().nullable()]);

/** The name of a kind, and the position in its list. */
type Place = z.output<typeof cursorRule>;

function encode(place: Place): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

function decode(cursor: string): Place {
  try {
    return cursorRule.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch {
    throw notACursor();
  }
}

/** Returns one page of the concatenated lists of all kinds. */
export async function listResources(
  kinds: readonly ResourceKind[],
  context: McpContext,
  cursor: string | undefined,
): Promise<ListResourcesResult> {
  const listable = kinds.filter(({ list, access }) => list && can(context, access));
  const [name, place] = cursor === undefined ? [listable[0]?.name, null] : decode(cursor);
  let at = listable.findIndex((kind) => kind.name === name);
  if (at < 0 && cursor !== undefined) throw notACursor();
  let after = place ?? undefined;
  const resources: ListResourcesResult['resources'] = [];
  for (let kind = listable[at]; kind?.list; kind = listable[at]) {
    if (resources.length === PAGE) return { resources, nextCursor: encode([kind.name, after ?? null]) };
    const page = await kind.list(context, { first: PAGE - resources.length, after });
    for (const resource of page.resources) resources.push({ mimeType: kind.mimeType, ...resource });
    after = page.next;
    if (page.next === undefined) at += 1;
    else if (resources.length < PAGE) return { resources, nextCursor: encode([kind.name, page.next]) };
  }
  return { resources };
}

/** @throws NotFoundError for a URI that matches no kind or has no resource in the tenant */
export async function readResource(
  kinds: readonly ResourceKind[],
  context: McpContext,
  uri: string,
): Promise<ReadResourceResult> {
  for (const kind of kinds) {
    const variables = kind.match(uri);
    if (!variables) continue;
    requirePermission(context, kind.access, kind.title.toLowerCase());
    return { contents: [{ uri, mimeType: kind.mimeType, ...(await kind.read(context, variables)) }] };
  }
  throw new NotFoundError('The resource');
}
