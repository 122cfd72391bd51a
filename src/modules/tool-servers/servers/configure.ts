import { Prisma as PrismaTypes } from '../../../generated/prisma/client.ts';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import { SealedError } from '../../../platform/encryption/sealer.ts';
import { ConflictError, InvalidStateError, NotFoundError, ValidationError } from '../../../platform/lib/errors.ts';
import { newId } from '../../../platform/lib/ids.ts';
import type { McpEndpointLimits } from '../../../platform/mcp-client/endpoint.ts';
import type { Prisma } from '../../../platform/postgres/prisma.ts';
import { tenantKey } from '../../../platform/postgres/request-scope.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import { type JsonSchema, UnusableSchemaError, validateJson } from '../json-schema/json-schema.ts';
import { McpServer } from '../mcp-server.ts';
import type { McpServerConfig } from '../mcp-server-config.ts';
import { checkEnv, checkHeaders, mergeSecrets, type SecretChanges } from '../secrets/secret-rules.ts';
import { openSecrets, type SealedField, type SealedRow, type SecretMap, sealAllSecrets } from '../secrets/secrets.ts';
import type { ToolServerServices } from '../services.ts';
import { checkOAuth, type McpOAuth, type McpOAuthInput, oauthOf } from './oauth.ts';
import { fillPlaceholders, PlaceholderError } from './placeholders.ts';
import { closeStaleConnection } from './server-endpoint.ts';

/** The fields of a configuration. Absent fields are not changed, or take their default. */
export interface McpConfigFields {
  enabled?: boolean | undefined;
  config?: Record<string, unknown> | undefined;
  /** Headers for a remote server. */
  secrets?: SecretChanges | undefined;
  /** Environment variables for a STDIO server. */
  env?: SecretChanges | undefined;
  /** Client credentials for a remote server. Null removes them. */
  oauth?: McpOAuthInput | null | undefined;
  limits?: Partial<McpEndpointLimits> | undefined;
  /** Empty to allow all users with the permission to call tools. */
  allowedUserIds?: string[] | undefined;
}

/**
 * Validates the values of a configuration, or of a new one without values, against the server. Returns the server. The validation runs in
 * a thread: never call it inside a transaction.
 */
export async function checkConfig(
  { prisma }: Pick<ToolServerServices, 'prisma'>,
  serverId: string,
  config: Record<string, unknown> | undefined,
): Promise<McpServer> {
  const server = await McpServer.require(prisma, serverId, ['input', 'serverId']);
  const isNew = async () => !(await prisma.mcpServerConfig.findFirst({ where: { serverId }, select: { id: true } }));
  if (config !== undefined || (await isNew())) await requireValid(server, config ?? {});
  return server;
}

/**
 * Creates the tenant's configuration of a server, or changes the given fields. Throws ConflictError if the server has changed since
 * `checkConfig`.
 * @param checked the result of `checkConfig`
 */
export async function configureMcpServer(
  services: ToolServerServices,
  viewer: Viewer,
  checked: McpServer,
  fields: McpConfigFields,
): Promise<McpServerConfig> {
  const { database, prisma } = services;
  const { id: serverId } = checked;
  const server = await McpServer.require(prisma, serverId, ['input', 'serverId']);
  if (server.updatedAt.getTime() !== checked.updatedAt.getTime()) {
    throw new ConflictError('The MCP server has just been changed. Try again.', { path: ['input', 'serverId'] });
  }
  // Locks the row: all secrets are read and written together, so concurrent changes would overwrite each other.
  await queryRows(database, sql`SELECT id FROM mcp_server_configs WHERE server_id = ${serverId}::uuid FOR NO KEY UPDATE`);
  const now = await prisma.mcpServerConfig.findFirst({ where: { serverId } });
  if (fields.allowedUserIds) await requireMembers(prisma, fields.allowedUserIds);
  checkSecrets(server, fields);
  const oauth = fields.oauth ? await checkOAuth(fields.oauth, now && oauthOf(now), services.mcp.policy) : fields.oauth;
  const row = now ?? { tenantId: viewer.tenantId, id: newId(), secrets: null, env: null, oauthSecret: null };
  const data = {
    ...plainColumns(fields, now),
    ...oauthColumn(oauth),
    ...(await sealedColumns(services, row, { ...fields, oauthSecret: oauth === null ? {} : oauth?.secret })),
  };
  if (now) {
    closeStaleConnection(services, { server, config: now });
    return prisma.mcpServerConfig.update({ where: tenantKey(now.id), data });
  }
  const { tenantId, id } = row;
  return prisma.mcpServerConfig.create({ data: { ...data, tenantId, id, serverId, createdById: viewer.userId ?? null } });
}

function plainColumns({ enabled, config, limits, allowedUserIds }: McpConfigFields, now: McpServerConfig | null) {
  return {
    enabled,
    config: config as PrismaTypes.InputJsonObject | undefined,
    limits: limits && ({ ...(now?.limits as object | undefined), ...limits } as PrismaTypes.InputJsonObject),
    allowedUserIds: allowedUserIds && [...new Set(allowedUserIds)],
  };
}

function oauthColumn(change: { oauth: McpOAuth } | null | undefined) {
  if (change === undefined) return {};
  return { oauth: change === null ? PrismaTypes.DbNull : ({ ...change.oauth } as PrismaTypes.InputJsonObject) };
}

async function requireValid(server: McpServer, config: Record<string, unknown>): Promise<void> {
  const path = ['input', 'config'];
  try {
    const issues = await validateJson(server.configSchema as JsonSchema, config);
    if (issues.length > 0) throw new ValidationError(issues.map((issue) => ({ ...issue, path: [...path, ...issue.path] })));
    fillPlaceholders(server.args, config);
  } catch (error) {
    if (error instanceof PlaceholderError) throw ValidationError.inputPath(path, error.message);
    if (!(error instanceof UnusableSchemaError)) throw error;
    throw new InvalidStateError(`The server's \`configSchema\` cannot be used: ${error.message}.`, { path });
  }
}

function checkSecrets({ transport, configSchema }: McpServer, { secrets, env, oauth }: McpConfigFields): void {
  const isProgram = transport === 'STDIO';
  if (secrets && isProgram) throw ValidationError.inputPath(['input', 'secrets'], 'A STDIO server has no headers. Use `env`.');
  if (oauth && isProgram) throw ValidationError.inputPath(['input', 'oauth'], 'A STDIO server has no access tokens. Use `env`.');
  if (env && !isProgram) throw ValidationError.inputPath(['input', 'env'], 'A remote server has no environment. Use `secrets`.');
  if (secrets) checkHeaders(secrets, ['input', 'secrets']);
  if (env) checkEnv(env, configSchema as JsonSchema, ['input', 'env']);
}

interface SealedChanges extends Pick<McpConfigFields, 'secrets' | 'env'> {
  /** Replaces the stored one. */
  oauthSecret?: SecretMap | undefined;
}

async function sealedColumns({ mcp: { sealer } }: ToolServerServices, row: SealedRow, changes: SealedChanges) {
  const { secrets, env, oauthSecret } = changes;
  if (!secrets && !env && !oauthSecret) return {};
  const opened = async (field: SealedField): Promise<SecretMap> => {
    try {
      return await openSecrets(sealer, row, field, row[field]);
    } catch (error) {
      if (!(error instanceof SealedError)) throw error;
      throw new InvalidStateError(
        'The stored secrets cannot be decrypted, because their key is missing on this server. Restore the key in SEALING_KEYS.',
        { path: ['input', changes[field] ? field : 'serverId'] },
      );
    }
  };
  return sealAllSecrets(sealer, row, {
    secrets: mergeSecrets(await opened('secrets'), secrets ?? {}, { anyCase: true, path: ['input', 'secrets'] }),
    env: mergeSecrets(await opened('env'), env ?? {}, { anyCase: false, path: ['input', 'env'] }),
    oauthSecret: oauthSecret ?? (await opened('oauthSecret')),
  });
}

async function requireMembers(prisma: Prisma, userIds: string[]): Promise<void> {
  const members = await prisma.membership.findMany({
    where: { userId: { in: userIds }, status: 'ACTIVE' },
    select: { userId: true },
  });
  const known = new Set(members.map(({ userId }) => userId));
  const index = userIds.findIndex((id) => !known.has(id));
  if (index >= 0) throw new NotFoundError('The member', { path: ['input', 'allowedUserIds', String(index)] });
}
