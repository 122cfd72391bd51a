import type { ListResourcesResult, ReadResourceResult } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { NotFoundError, ValidationError } from '../../lib/errors.ts';
import { type McpContext, mayUse, requireRight } from './context.ts';
import type { ResourceKind } from './define-resource.ts';

const PAGE = 50;

const cursorRule = z.tuple([z.string(), z.string().nullable()]);

/** Which kind, and where in its list. */
type Place = z.output<typeof cursorRule>;

function encode(place: Place): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

function decode(cursor: string): Place {
  try {
    return cursorRule.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch {
    throw ValidationError.at(['cursor'], 'This is not a cursor of this list.');
  }
}

/** One page of all kinds in their order. A page holds resources of one kind, and may be empty before the last. */
export async function listResources(
  kinds: readonly ResourceKind[],
  context: McpContext,
  cursor: string | undefined,
): Promise<ListResourcesResult> {
  const listable = kinds.filter(({ list, access }) => list && mayUse(context, access));
  const [name, after] = cursor === undefined ? [listable[0]?.name, null] : decode(cursor);
  const at = listable.findIndex((kind) => kind.name === name);
  const kind = listable[at];
  if (!kind?.list) {
    if (cursor === undefined) return { resources: [] };
    throw ValidationError.at(['cursor'], 'This is not a cursor of this list.');
  }
  const { resources, next } = await kind.list(context, { first: PAGE, after: after ?? undefined });
  const following = listable[at + 1];
  const place: Place | undefined = next !== undefined ? [kind.name, next] : following && [following.name, null];
  return {
    resources: resources.map((resource) => ({ mimeType: kind.mimeType, ...resource })),
    ...(place ? { nextCursor: encode(place) } : {}),
  };
}

/** Throws NotFoundError for what is no URI of ours, or of nothing the viewer's tenant has. */
export async function readResource(
  kinds: readonly ResourceKind[],
  context: McpContext,
  uri: string,
): Promise<ReadResourceResult> {
  for (const kind of kinds) {
    const variables = kind.match(uri);
    if (!variables) continue;
    requireRight(context, kind.access, kind.title.toLowerCase());
    return { contents: [{ uri, mimeType: kind.mimeType, ...(await kind.read(context, variables)) }] };
  }
  throw new NotFoundError('The resource');
}
