import type { Viewer } from '../../../platform/auth/viewer.ts';
import { SealedError } from '../../../platform/encryption/sealer.ts';
import { ForbiddenError, InvalidStateError, NotFoundError, UnavailableError } from '../../../platform/lib/errors.ts';
import { McpCallError } from '../../../platform/mcp-client/errors.ts';
import { redactorOf } from '../secrets/redact.ts';
import { openAllSecrets } from '../secrets/secrets.ts';
import { PlaceholderError } from '../servers/placeholders.ts';
import { connectionKey, endpointOf } from '../servers/server-endpoint.ts';
import type { ToolServerServices } from '../services.ts';

export interface McpContent {
  uri: string;
  mimeType: string | null;
  text: string | null;
  /** Base64. */
  blob: string | null;
}

/** Reads a resource from its server and redacts the secrets of the configuration. Must not run in a transaction. */
export async function readMcpResource({ prisma, mcp }: ToolServerServices, viewer: Viewer, id: string): Promise<McpContent[]> {
  const found = await prisma.mcpResource.findFirst({ where: { id }, include: { config: true } });
  if (!found) throw new NotFoundError('The MCP resource', { path: ['id'] });
  const { config, uri } = found;
  const server = await prisma.mcpServer.findFirst({ where: { id: config.serverId } });
  if (!server || server.status === 'DISABLED' || !config.enabled) throw new InvalidStateError('The MCP server is disabled.');
  const { allowedUserIds: allowed } = config;
  if (allowed.length > 0 && !(viewer.userId && allowed.includes(viewer.userId))) {
    throw new ForbiddenError('Only the allowed users of the MCP server may read its resources.');
  }
  try {
    const opened = await openAllSecrets(mcp.sealer, config);
    const redactor = () => redactorOf(opened, mcp.tokensOf(connectionKey({ server, config })));
    const clients = await mcp.clients();
    const contents = await clients.readResource(await endpointOf({ server, config }, opened), uri).catch((error: unknown) => {
      if (error instanceof McpCallError) throw new UnavailableError(redactor().text(error.message));
      throw error;
    });
    const { text } = redactor();
    return contents.map((part) => ({
      uri: text(part.uri),
      mimeType: part.mimeType ? text(part.mimeType) : null,
      text: 'text' in part ? text(part.text) : null,
      blob: 'blob' in part ? text(part.blob) : null,
    }));
  } catch (error) {
    if (error instanceof PlaceholderError) throw new InvalidStateError(error.message);
    if (error instanceof SealedError) throw new InvalidStateError('The secrets of the configuration cannot be decrypted.');
    throw error;
  }
}
