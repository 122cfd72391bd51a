/** Options that a model can refuse. `usage` asks for token counts at the end of a stream, `images` are pictures of tool results. */
export type RefusedOption = 'temperature' | 'maxOutputTokens' | 'usage' | 'images';

/** What a model was found to refuse, so that later requests avoid it. All runs of the process share it. */
export interface Quirks {
  readonly refused: Set<RefusedOption>;
  /** Whether the limit of the output has the name `max_completion_tokens`. */
  maxCompletionTokens: boolean;
  /** The most output tokens that the model accepts as a limit. */
  maxOutputTokens: number | undefined;
  /** The most tokens of a prompt, as `promptTokens` estimates them. */
  promptTokens: number | undefined;
  /** The most characters of the description of a tool. */
  maxDescription: number | undefined;
  /** Whether ids of tool calls must have 9 letters or digits. */
  shortCallIds: boolean;
  /** What the template of the model does not render: consecutive messages of one role, instructions, or several tool calls in one answer. */
  readonly unrendered: Set<'consecutive' | 'instructions' | 'parallel-calls'>;
  /** Tools by name and schema: `plain` ones are accepted with the simplest schema, at best. */
  readonly tools: Map<string, 'plain' | 'refused'>;
  /** Whether all schemas must be the simplest. */
  plainTools: boolean;
}

/** Tenants choose model names freely. */
const MAX_MODELS = 1_000;
const MAX_TOOLS = 1_000;

function noQuirks(): Quirks {
  return {
    refused: new Set(),
    maxCompletionTokens: false,
    maxOutputTokens: undefined,
    promptTokens: undefined,
    maxDescription: undefined,
    shortCallIds: false,
    unrendered: new Set(),
    tools: new Map(),
    plainTools: false,
  };
}

/** Remembers the quirks of the models that were used last. */
export class QuirkMemory {
  readonly #models = new Map<string, Quirks>();

  of(id: string): Quirks {
    const found = this.#models.get(id) ?? noQuirks();
    this.#models.delete(id);
    this.#models.set(id, found);
    const [oldest] = this.#models.keys();
    if (this.#models.size > MAX_MODELS && oldest !== undefined) this.#models.delete(oldest);
    return found;
  }
}

export function rememberTool({ tools }: Quirks, key: string, treatment: 'plain' | 'refused'): void {
  tools.set(key, treatment);
  const [oldest] = tools.keys();
  if (tools.size > MAX_TOOLS && oldest !== undefined) tools.delete(oldest);
}
