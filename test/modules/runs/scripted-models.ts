import type {
  LanguageModel,
  LanguageModels,
  ModelStep,
  ModelStepRequest,
  ModelStepToolCall,
} from '../../../src/platform/ai/language/language-model.ts';

/** What a model does in one round: says what it has, in pieces, and tells how it ended. */
export type Step = (request: ModelStepRequest) => Promise<Partial<ModelStep>> | Partial<ModelStep>;

export interface ScriptedModels extends LanguageModels {
  /** What the model with this name does in its next rounds. */
  script(model: string, ...steps: Step[]): void;
  /** Every request, by the name of the model. */
  readonly requests: Map<string, ModelStepRequest[]>;
}

/** Models in this process whose every round is written down beforehand: what no server can do is a moment of the test's own choosing. */
export function scriptedModels(provider = 'scripted'): ScriptedModels {
  const scripts = new Map<string, Step[]>();
  const requests = new Map<string, ModelStepRequest[]>();
  return {
    providers: [provider],
    requests,
    script: (model, ...steps) => void scripts.set(model, steps),
    resolve: (asked, model) => (asked === provider ? modelOf(asked, model) : undefined),
  };

  function modelOf(asked: string, model: string): LanguageModel {
    return {
      id: `${asked}/${model}`,
      provider: asked,
      model,
      async step(request) {
        requests.set(model, [...(requests.get(model) ?? []), request]);
        const step = scripts.get(model)?.shift();
        if (!step) throw new Error(`nothing is written for a round of ${model}`);
        let text = '';
        const onText = (piece: string) => {
          text += piece;
          request.onText(piece);
        };
        const round = await step({ ...request, onText });
        return {
          text,
          toolCalls: [],
          finishReason: round.toolCalls?.length ? 'tool-calls' : 'stop',
          inputTokens: 100,
          outputTokens: 10,
          cachedInputTokens: 0,
          estimated: false,
          latencyMs: 5,
          firstTokenMs: 1,
          retries: 0,
          ...round,
        };
      },
    };
  }
}

/** Says a text in pieces of one word. */
export function reply(text: string, rest: Partial<ModelStep> = {}): Step {
  return ({ onText }) => {
    for (const piece of text.split(/(?<= )/)) onText(piece);
    return rest;
  };
}

let calls = 0;

/** Asks for tools. */
export function requestTool(...wanted: [name: string, args: Record<string, unknown>, invalid?: string][]): Step {
  return () => ({
    toolCalls: wanted.map(([name, args, invalid]): ModelStepToolCall => {
      const id = `call_${++calls}`;
      return { id, name, arguments: args, ...(invalid === undefined ? {} : { invalid }) };
    }),
  });
}

/** Says something and then nothing more until it is stopped. */
export function neverReply(text = ''): Step {
  return ({ onText, signal }) => {
    if (text) onText(text);
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  };
}

/** A moment that a step waits for, or tells of. */
export function barrier(): { open(): void; opened: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { open: resolve, opened: promise };
}
