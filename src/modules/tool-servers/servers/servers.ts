import {
  type McpServerCategory,
  type McpServerStatus,
  type McpTransport,
  Prisma as PrismaTypes,
} from '../../../generated/prisma/client.ts';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import { AddressNotAllowedError, checkUrl } from '../../../platform/egress/check-url.ts';
import { ForbiddenError, ValidationError } from '../../../platform/lib/errors.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { type FindSlugHolder, requireFreeSlug, slugForNew } from '../../../platform/lib/slug.ts';
import type { Prisma } from '../../../platform/postgres/prisma.ts';
import { isPlatformAdmin } from '../../tenancy/exports.ts';
import { type JsonSchema, requireUsableSchema, UnusableSchemaError } from '../json-schema/json-schema.ts';
import { McpServer } from '../mcp-server.ts';
import { envNamesOf } from '../secrets/secret-rules.ts';
import type { ToolServerServices } from '../services.ts';
import { closeStaleConnection } from './server-endpoint.ts';

/** The editable fields of a server. Absent fields are not changed, or take their default. */
export interface McpServerFields {
  name?: string | undefined;
  slug?: string | undefined;
  description?: string | null | undefined;
  version?: string | null | undefined;
  category?: McpServerCategory | undefined;
  command?: string | undefined;
  args?: string[] | undefined;
  url?: string | undefined;
  configSchema?: JsonSchema | undefined;
  status?: McpServerStatus | undefined;
  isPublic?: boolean | undefined;
  documentationUrl?: string | null | undefined;
  repositoryUrl?: string | null | undefined;
  metadata?: Record<string, unknown> | undefined;
}

export interface NewMcpServer extends McpServerFields {
  name: string;
  transport: McpTransport;
  /** Whether the platform owns the server. Otherwise the tenant of the viewer does. */
  platform: boolean;
}

/** Registers a server of the tenant, or of the platform if the viewer is a platform administrator. `checkSchema` comes before. */
export async function registerMcpServer(services: ToolServerServices, viewer: Viewer, given: NewMcpServer): Promise<McpServer> {
  const { database, prisma, mcp } = services;
  const { platform, transport, ...fields } = given;
  if (platform && !(await isPlatformAdmin(database))) {
    throw new ForbiddenError('Only platform administrators may register servers of the platform.');
  }
  requireKind(transport, platform, fields);
  const tenantId = platform ? null : viewer.tenantId;
  const slug = await slugForNew(findSlugHolder(prisma, tenantId), {
    slug: fields.slug,
    name: given.name,
    kind: 'MCP server',
    fallback: 'server',
  });
  return prisma.mcpServer.create({
    data: {
      ...columns(mcp, fields),
      tenantId,
      id: newId(),
      name: given.name,
      slug,
      transport,
      createdById: viewer.userId ?? null,
    },
  });
}

/** Changes the given fields. The transport cannot be changed. `checkSchema` comes before. */
export async function updateMcpServer(services: ToolServerServices, id: string, changes: McpServerFields): Promise<McpServer> {
  const { database, prisma, mcp } = services;
  const server = await McpServer.require(prisma, id, ['input', 'id']);
  const platform = server.tenantId === null;
  if (platform && !(await isPlatformAdmin(database))) {
    throw new ForbiddenError('Only platform administrators may change servers of the platform.');
  }
  requireKind(server.transport, platform, changes, server);
  if (changes.slug !== undefined) await requireFreeSlug(findSlugHolder(prisma, server.tenantId), changes.slug, 'MCP server', id);
  const data = columns(mcp, changes);
  if (!platform && data.url !== undefined && originOf(data.url) !== originOf(server.url)) await resetDiscovery(prisma, id);
  const config = await prisma.mcpServerConfig.findFirst({ where: { serverId: id } });
  if (config) closeStaleConnection(services, { server, config });
  return prisma.mcpServer.update({ where: { id }, data });
}

/** Deletes secrets and withdraws approvals, which must not apply to another origin. */
async function resetDiscovery(prisma: Prisma, serverId: string): Promise<void> {
  const where = { serverId };
  await prisma.mcpServerConfig.updateMany({
    where,
    data: {
      secrets: null,
      secretNames: [],
      env: null,
      envNames: [],
      oauth: PrismaTypes.DbNull,
      oauthSecret: null,
      sealedWith: null,
      refreshedAt: null,
    },
  });
  await prisma.mcpTool.updateMany({
    where: { config: where },
    data: { offered: false, approvedHash: null, approvedAt: null, approvedById: null },
  });
}

function columns(mcp: ToolServerServices['mcp'], fields: McpServerFields) {
  const { url, configSchema, metadata, ...rest } = fields;
  return {
    ...rest,
    ...(url === undefined ? {} : { url: allowedUrl(mcp, url) }),
    ...(configSchema === undefined ? {} : { configSchema: configSchema as PrismaTypes.InputJsonObject }),
    ...(metadata === undefined ? {} : { metadata: metadata as PrismaTypes.InputJsonObject }),
  };
}

/** Checks what does not require a connection. Each connection checks the resolved address. */
function allowedUrl({ policy }: ToolServerServices['mcp'], url: string): string {
  try {
    return checkUrl(url, policy).href;
  } catch (error) {
    if (error instanceof AddressNotAllowedError) throw ValidationError.inputPath(['input', 'url'], error.message);
    throw error;
  }
}

/** Throws ValidationError for an unusable `configSchema`. Compiles it in a thread: never call it inside a transaction. */
export async function checkSchema(schema: JsonSchema | null | undefined): Promise<void> {
  if (!schema) return;
  const path = ['input', 'configSchema'];
  try {
    await requireUsableSchema(schema);
  } catch (error) {
    if (error instanceof UnusableSchemaError)
      throw ValidationError.inputPath(path, `The schema cannot be used: ${error.message}.`);
    throw error;
  }
  if (envNamesOf(schema) === undefined) {
    throw ValidationError.inputPath([...path, 'x-env'], 'Must be an array of at most 50 names of environment variables.');
  }
}

function requireKind(transport: McpTransport, platform: boolean, fields: McpServerFields, now?: McpServer): void {
  const invalid = (field: string, message: string) => ValidationError.inputPath(['input', field], message);
  const isProgram = transport === 'STDIO';
  if (isProgram && !platform) throw invalid('transport', 'Must be SSE or STREAMABLE_HTTP for a server of a tenant.');
  if (fields.isPublic && !platform) throw invalid('isPublic', 'Must be false for a server of a tenant.');
  if (isProgram && fields.url !== undefined) throw invalid('url', 'Must not be given for a STDIO server.');
  if (!isProgram && fields.command !== undefined) throw invalid('command', 'Must not be given for a remote server.');
  if (!isProgram && fields.args !== undefined) throw invalid('args', 'Must not be given for a remote server.');
  if (isProgram && fields.command === undefined && !now) throw invalid('command', 'Must be given for a STDIO server.');
  if (!isProgram && fields.url === undefined && !now) throw invalid('url', 'Must be given for a remote server.');
}

function findSlugHolder(prisma: Prisma, tenantId: string | null): FindSlugHolder {
  return (slug) => prisma.mcpServer.findFirst({ where: { tenantId, slug }, select: { id: true } });
}

function originOf(url: string | null): string | undefined {
  return URL.parse(url ?? '')?.origin;
}
