import type { PromptMessage } from '@modelcontextprotocol/sdk/types.js';
import type { Permission } from '../auth/permissions.ts';
import type { McpContext } from './context.ts';

export interface PromptArgument {
  name: string;
  description: string;
  required: boolean;
  /** What the argument could be, given how it begins. */
  complete?: (context: McpContext, beginning: string) => Promise<string[]>;
}

/** A conversation's beginning that a person chooses in their client. */
export interface PromptDefinition {
  name: string;
  title: string;
  description: string;
  /** The right it takes. Whoever lacks it does not see the prompt. */
  access: Permission;
  arguments: PromptArgument[];
  /** Required arguments are there. */
  run: (context: McpContext, given: Record<string, string>) => Promise<PromptMessage[]>;
}
