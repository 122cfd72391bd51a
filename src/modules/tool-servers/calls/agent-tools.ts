import { createHash } from 'node:crypto';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import type { JsonSchema } from '../json-schema/json-schema.ts';
import type { ToolServerServices } from '../services.ts';

/** A reference to tools in the definition of an agent. */
export interface McpToolReference {
  /** The server's slug. */
  server: string;
  /** Name of the tool, or `*` for all tools of the server. */
  tool: string;
  /** Whether each call waits for the approval of a user. */
  approval: boolean;
}

export interface McpAgentTool {
  /** `toolId` for `callMcpTool`. */
  id: string;
  /** Name for the model: unique among the tools of the agent, and stable. */
  name: string;
  /** The server's slug. */
  server: string;
  /** Name of the tool at the server. */
  toolName: string;
  description: string;
  inputSchema: JsonSchema;
  requiresApproval: boolean;
  /** Whether the server declares the tool read-only or idempotent, so that a call can be retried. */
  readOnly: boolean;
}

interface Row {
  id: string;
  slug: string;
  name: string;
  title: string | null;
  description: string | null;
  inputSchema: JsonSchema;
  annotations: { readOnlyHint?: unknown; idempotentHint?: unknown };
  requiresApproval: boolean;
}

/**
 * The tools of an agent that can be called now for a user. Omits references to tools that are missing, disabled or not approved. Where
 * the tenant and the platform have a server with the same slug, the slug refers to the server of the tenant.
 */
export async function findToolsForAgent(
  { database }: Pick<ToolServerServices, 'database'>,
  references: readonly McpToolReference[],
  userId?: string,
): Promise<McpAgentTool[]> {
  if (references.length === 0) return [];
  const slugs = [...new Set(references.map(({ server }) => server))];
  const found = await queryRows<Row>(
    database,
    sql`SELECT t.id, s.slug, t.name, t.title, t.description, t.input_schema, t.annotations, t.requires_approval
      FROM mcp_servers s
      JOIN mcp_server_configs c ON c.server_id = s.id
      JOIN mcp_tools t ON t.tenant_id = c.tenant_id AND t.config_id = c.id
      WHERE s.slug = ANY (${slugs}::text[]) AND s.status <> 'DISABLED' AND c.enabled
        AND (s.tenant_id IS NOT NULL OR NOT EXISTS (SELECT FROM mcp_servers own WHERE own.slug = s.slug AND own.tenant_id IS NOT NULL))
        AND (cardinality(c.allowed_user_ids) = 0 OR ${userId ?? null}::uuid = ANY (c.allowed_user_ids))
        AND t.enabled AND t.offered AND t.approved_hash = t.definition_hash
      ORDER BY s.slug, t.name`,
  );
  return found.flatMap((row) => {
    const matching = references.filter(({ server, tool }) => server === row.slug && (tool === '*' || tool === row.name));
    return matching.length > 0 ? [toolOf(row, matching)] : [];
  });
}

function toolOf(
  { id, slug, name, title, description, inputSchema, annotations, requiresApproval }: Row,
  matching: McpToolReference[],
) {
  return {
    id,
    name: modelName(slug, name),
    server: slug,
    toolName: name,
    description: description || title || name,
    inputSchema,
    requiresApproval: requiresApproval || matching.some(({ approval }) => approval),
    readOnly: annotations.readOnlyHint === true || annotations.idempotentHint === true,
  };
}

const MAX_NAME_LENGTH = 64;

/** Unique because slugs contain no underscore. Replaces characters that models reject and appends a hash in that case. */
function modelName(slug: string, tool: string): string {
  const plain = `${slug}__${tool}`;
  if (plain.length <= MAX_NAME_LENGTH && /^[\w-]+$/.test(plain)) return plain;
  const hash = createHash('sha256').update(plain).digest('hex').slice(0, 8);
  return `${plain.replaceAll(/[^\w-]/g, '_').slice(0, MAX_NAME_LENGTH - 9)}_${hash}`;
}
