import type { Viewer } from '../../auth/viewer.ts';
import type { Prisma } from '../../db/prisma.ts';
import { rows, sql } from '../../db/sql.ts';
import type { McpServer, McpServerConfig, Prisma as PrismaTypes } from '../../generated/prisma/client.ts';
import { InvalidStateError, NotFoundError, ValidationError } from '../../lib/errors.ts';
import { newId } from '../../lib/ids.ts';
import type { McpLimits } from '../../mcp/client/target.ts';
import { SealedError } from '../../sealing/sealer.ts';
import { forgetConnection } from './forget-connection.ts';
import { fillPlaceholders, PlaceholderError } from './placeholders.ts';
import { requireMcpServer } from './read.ts';
import { issuesOf, type JsonSchema, UnusableSchemaError } from './schema-check.ts';
import { checkEnv, checkHeaders, mergeSecrets, type SecretChanges } from './secret-rules.ts';
import { openSecrets, type SealedField, type SecretMap, sealSecrets } from './secrets.ts';
import type { McpServices } from './services.ts';

/** What a tenant sets of a server. Absent fields stay as they are, or take their default. */
export interface McpConfigFields {
  enabled?: boolean | undefined;
  config?: Record<string, unknown> | undefined;
  /** Headers of a remote server. */
  secrets?: SecretChanges | undefined;
  /** Environment of a STDIO server. */
  env?: SecretChanges | undefined;
  limits?: Partial<McpLimits> | undefined;
  /** Empty for everybody who may call tools at all. */
  allowedUserIds?: string[] | undefined;
}

/** Makes the tenant's configuration of a server, or changes what is given of it. */
export async function configureMcpServer(
  services: McpServices,
  viewer: Viewer,
  serverId: string,
  fields: McpConfigFields,
): Promise<McpServerConfig> {
  const { database, prisma } = services;
  const server = await requireMcpServer(prisma, serverId, ['input', 'serverId']);
  // Secrets are read and written as a whole: two changes must not see the same ones.
  await rows(database, sql`SELECT id FROM mcp_server_configs WHERE server_id = ${serverId}::uuid FOR NO KEY UPDATE`);
  const now = await prisma.mcpServerConfig.findFirst({ where: { serverId } });
  if (fields.config !== undefined || !now) await checkConfig(server, fields.config ?? {});
  if (fields.allowedUserIds) await requireMembers(prisma, fields.allowedUserIds);
  checkSecrets(server, fields);
  const row = now ?? { tenantId: viewer.tenantId, id: newId(), secrets: null, env: null };
  const data = { ...plainColumns(fields, now), ...(await sealedColumns(services, row, fields)) };
  if (now) {
    forgetConnection(services, { server, config: now });
    return prisma.mcpServerConfig.update({ where: { tenantId_id: { tenantId: now.tenantId, id: now.id } }, data });
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

async function checkConfig(server: McpServer, config: Record<string, unknown>): Promise<void> {
  const path = ['input', 'config'];
  try {
    const issues = await issuesOf(server.configSchema as JsonSchema, config);
    if (issues.length > 0) throw new ValidationError(issues.map((issue) => ({ ...issue, path: [...path, ...issue.path] })));
    fillPlaceholders(server.args, config);
  } catch (error) {
    if (error instanceof PlaceholderError) throw ValidationError.at(path, error.message);
    if (!(error instanceof UnusableSchemaError)) throw error;
    throw new InvalidStateError(`The server's \`configSchema\` cannot be used: ${error.message}.`, { path });
  }
}

function checkSecrets({ transport, configSchema }: McpServer, { secrets, env }: McpConfigFields): void {
  const isProgram = transport === 'STDIO';
  if (secrets && isProgram) throw ValidationError.at(['input', 'secrets'], 'A STDIO server takes no headers. Use `env`.');
  if (env && !isProgram) throw ValidationError.at(['input', 'env'], 'A remote server has no environment. Use `secrets`.');
  if (secrets) checkHeaders(secrets, ['input', 'secrets']);
  if (env) checkEnv(env, configSchema as JsonSchema, ['input', 'env']);
}

type SealedRow = Pick<McpServerConfig, 'tenantId' | 'id' | 'secrets' | 'env'>;

async function sealedColumns({ mcp: { sealer } }: McpServices, row: SealedRow, changes: McpConfigFields) {
  if (!changes.secrets && !changes.env) return {};
  const merged = async (field: SealedField): Promise<SecretMap> => {
    const path = ['input', field];
    const now = await opened(row, field, changes[field]);
    return mergeSecrets(now, changes[field] ?? {}, { anyCase: field === 'secrets', path });
  };
  async function opened(from: SealedRow, field: SealedField, change: SecretChanges | undefined): Promise<SecretMap> {
    try {
      return await openSecrets(sealer, from, field, from[field]);
    } catch (error) {
      if (!(error instanceof SealedError)) throw error;
      throw new InvalidStateError(
        'What is sealed here cannot be opened any more, so nothing can be added to it. Its key is missing on this server.',
        { path: ['input', change ? field : 'serverId'] },
      );
    }
  }
  // Both anew, so that one key has sealed all of the row.
  const secrets = await sealSecrets(sealer, row, 'secrets', await merged('secrets'));
  const env = await sealSecrets(sealer, row, 'env', await merged('env'));
  return {
    secrets: secrets.text,
    secretNames: secrets.names,
    env: env.text,
    envNames: env.names,
    sealedWith: secrets.keyId ?? env.keyId,
  };
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
