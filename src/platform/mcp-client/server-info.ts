import type { Client } from '@modelcontextprotocol/sdk/client/index.js';

/** What a server says of itself. Not to be believed, and bounded in length. */
export interface McpServerInfo {
  name: string;
  version: string;
  title?: string;
  /** How a model is to use it. */
  instructions?: string;
  /** Names of what it offers, such as `tools`. */
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
