import type { PromptMessage } from '@modelcontextprotocol/sdk/types.js';
import type { Permission } from '../auth/permissions.ts';
import type { McpContext } from './context.ts';

export interface PromptArgument {
  name: string;
  description: string;
  required: boolean;
  /** Returns the values that start with `beginning`. */
  complete?: (context: McpContext, beginning: string) => Promise<string[]>;
}

/** A template of the first messages of a conversation. The user of the client selects it. */
export interface PromptDefinition {
  name: string;
  title: string;
  description: string;
  /** Required permission. Viewers without it do not see the prompt. */
  access: Permission;
  arguments: PromptArgument[];
  /** `given` contains all required arguments. */
  run: (context: McpContext, given: Record<string, string>) => Promise<PromptMessage[]>;
}
