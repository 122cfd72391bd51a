import type { Client } from '@modelcontextprotocol/sdk/client/index.js';

/** A server's self-description: untrusted and bounded in length. */
export interface McpServerInfo {
  name: string;
  version: string;
  title?: string;
  /** Usage instructions for a model. */
  instructions?: string;
  /** Names of capabilities, such as `tools`. */
  capabilities: string[];
}

const MAX_NAME_LENGTH = 200;
const MAX_INSTRUCTIONS_LENGTH = 16_384;

export function serverInfoOf(client: Client): McpServerInfo {
  const { name = '', version = '', title } = client.getServerVersion() ?? {};
  const instructions = client.getInstructions();
  return {
    name: name.slice(0, MAX_NAME_LENGTH),
    version: version.slice(0, MAX_NAME_LENGTH),
    ...(title === undefined ? {} : { title: title.slice(0, MAX_NAME_LENGTH) }),
    ...(instructions === undefined ? {} : { instructions: instructions.slice(0, MAX_INSTRUCTIONS_LENGTH) }),
    capabilities: Object.entries(client.getServerCapabilities() ?? {}).flatMap(([key, value]) => (value ? [key] : [])),
  };
}
