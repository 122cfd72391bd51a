import { createHash } from 'node:crypto';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import type { JsonSchema } from '../json-schema/json-schema.ts';
import type { ToolServerServices } from '../services.ts';

/** A tool an agent may call, as its definition names it. */
export interface McpToolReference {
  /** The server's slug. */
  server: string;
  /** The tool's name, or `*` for all of the server's. */
  tool: string;
  /** Whether each call waits until a person approves it. */
  approval: boolean;
}

export interface McpAgentTool {
  /** For `callMcpTool`. */
  id: string;
  /** For the model: unique among the agent's tools, and the same at any time. */
  name: string;
  /** The server's slug. */
  server: string;
  /** The name at the server. */
  toolName: string;
  description: string;
  inputSchema: JsonSchema;
  requiresApproval: boolean;
  /** Whether the server says that calling it twice is as good as calling it once. */
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
 * The tools of an agent that may be called now, for this person. What is disabled, not approved as it is, or not there is left out. A
 * slug means the tenant's own server before the platform's.
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
    const naming = references.filter(({ server, tool }) => server === row.slug && (tool === '*' || tool === row.name));
    return naming.length > 0 ? [toolOf(row, naming)] : [];
  });
}

function toolOf(
  { id, slug, name, title, description, inputSchema, annotations, requiresApproval }: Row,
  naming: McpToolReference[],
) {
  return {
    id,
    name: modelName(slug, name),
    server: slug,
    toolName: name,
    description: description || title || name,
    inputSchema,
    requiresApproval: requiresApproval || naming.some(({ approval }) => approval),
    readOnly: annotations.readOnlyHint === true || annotations.idempotentHint === true,
  };
}

const MAX_NAME_LENGTH = 64;

/** Slugs have no underscores, so no two tools share a name. What models do not take is replaced, and told apart by a hash. */
function modelName(slug: string, tool: string): string {
  const plain = `${slug}__${tool}`;
  if (plain.length <= MAX_NAME_LENGTH && /^[\w-]+$/.test(plain)) return plain;
  const hash = createHash('sha256').update(plain).digest('hex').slice(0, 8);
  return `${plain.replaceAll(/[^\w-]/g, '_').slice(0, MAX_NAME_LENGTH - 9)}_${hash}`;
}
