import type { CompleteResult, GetPromptResult, Prompt as ListedPrompt } from '@modelcontextprotocol/sdk/types.js';
import { ValidationError } from '../lib/errors.ts';
import { can, type McpContext, requirePermission } from './context.ts';
import type { PromptDefinition } from './define-prompt.ts';

/** The limit of MCP for `completion/complete`. */
const MAX_VALUES = 100;

export function listPrompts(prompts: readonly PromptDefinition[], context: McpContext): ListedPrompt[] {
  return prompts
    .filter(({ access }) => can(context, access))
    .map(({ name, title, description, arguments: given }) => ({
      name,
      title,
      description,
      arguments: given.map((argument) => ({
        name: argument.name,
        description: argument.description,
        required: argument.required,
      })),
    }));
}

function requirePrompt(prompts: readonly PromptDefinition[], context: McpContext, name: string): PromptDefinition {
  const prompt = prompts.find((candidate) => candidate.name === name);
  if (!prompt) throw ValidationError.inputPath(['name'], `Unknown prompt: ${name}.`);
  requirePermission(context, prompt.access, `the prompt ${name}`);
  return prompt;
}

export async function getPrompt(
  prompts: readonly PromptDefinition[],
  context: McpContext,
  name: string,
  given: Record<string, string>,
): Promise<GetPromptResult> {
  const prompt = requirePrompt(prompts, context, name);
  const missing = prompt.arguments.filter((argument) => argument.required && !given[argument.name]);
  if (missing.length > 0) {
    throw new ValidationError(missing.map((argument) => ({ path: ['arguments', argument.name], message: 'Must not be empty.' })));
  }
  return { description: prompt.description, messages: await prompt.run(context, given) };
}

export async function completeArgument(
  prompts: readonly PromptDefinition[],
  context: McpContext,
  name: string,
  argument: { name: string; value: string },
): Promise<CompleteResult> {
  const prompt = requirePrompt(prompts, context, name);
  const complete = prompt.arguments.find((candidate) => candidate.name === argument.name)?.complete;
  const values = (await complete?.(context, argument.value)) ?? [];
  return { completion: { values: values.slice(0, MAX_VALUES), hasMore: values.length > MAX_VALUES } };
}
