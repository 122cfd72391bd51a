import type {
  LanguageModel,
  LanguageModels,
  ModelStep,
  ModelStepRequest,
  ModelStepToolCall,
} from '../../../src/platform/ai/language/language-model.ts';

/** One scripted model call: streams text and returns the result. */
export type Step = (request: ModelStepRequest) => Promise<Partial<ModelStep>> | Partial<ModelStep>;

export interface ScriptedModels extends LanguageModels {
  /** Sets the next calls of the model with this name. */
  script(model: string, ...steps: Step[]): void;
  /** All requests by the name of the model. */
  readonly requests: Map<string, ModelStepRequest[]>;
}

/** In-process models with scripted calls. Unlike a server, a test controls the exact time of each event. */
export function scriptedModels(provider = 'scripted'): ScriptedModels {
  const scripts = new Map<string, Step[]>();
  const requests = new Map<string, ModelStepRequest[]>();
  return {
    providers: [provider],
    requests,
    script: (model, ...steps) => void scripts.set(model, steps),
    resolve: (name, model) => (name === provider ? modelOf(name, model) : undefined),
  };

  function modelOf(providerName: string, model: string): LanguageModel {
    return {
      id: `${providerName}/${model}`,
      provider: providerName,
      model,
      async step(request) {
        requests.set(model, [...(requests.get(model) ?? []), request]);
        const step = scripts.get(model)?.shift();
        if (!step) throw new Error(`no scripted step is left for the model ${model}`);
        let text = '';
        const onText = (piece: string) => {
          text += piece;
          request.onText(piece);
        };
        const result = await step({ ...request, onText });
        return {
          text,
          reasoning: '',
          adjustments: [],
          toolCalls: [],
          finishReason: result.toolCalls?.length ? 'tool-calls' : 'stop',
          inputTokens: 100,
          outputTokens: 10,
          cachedInputTokens: 0,
          estimated: false,
          latencyMs: 5,
          firstTokenMs: 1,
          retries: 0,
          ...result,
        };
      },
    };
  }
}

/** Streams a text word by word. */
export function reply(text: string, rest: Partial<ModelStep> = {}): Step {
  return ({ onText }) => {
    for (const piece of text.split(/(?<= )/)) onText(piece);
    return rest;
  };
}

let calls = 0;

/** Requests tool calls. */
export function requestTool(...wanted: [name: string, args: Record<string, unknown>, invalid?: string][]): Step {
  return () => ({
    toolCalls: wanted.map(([name, args, invalid]): ModelStepToolCall => {
      const id = `call_${++calls}`;
      return { id, name, arguments: args, ...(invalid === undefined ? {} : { invalid }) };
    }),
  });
}

/** Streams a text and then waits until the signal aborts. */
export function neverReply(text = ''): Step {
  return ({ onText, signal }) => {
    if (text) onText(text);
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  };
}

/** A promise that one side awaits and the other resolves. */
export function barrier(): { open(): void; opened: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { open: resolve, opened: promise };
}
