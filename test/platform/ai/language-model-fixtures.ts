import { expect } from 'vitest';
import { type LanguageModel, ModelStepError, type ModelStepRequest } from '../../../src/platform/ai/language/language-model.ts';
import type { LanguageProviderOptions, StepLatencies } from '../../../src/platform/ai/language/language-model-registry.ts';
import { createModels } from '../../../src/platform/ai/models.ts';
import type { Usage } from '../../../src/platform/ai/usage.ts';
import type { ScriptedModel } from '../../testkit/scripted-model.ts';

export const KEY = 'secret-key-0123456789';

export const KINDS = ['openai', 'openai-compatible', 'anthropic'] as const;

interface SetUp extends StepLatencies {
  kind?: LanguageProviderOptions['kind'];
  model?: string;
}

/** A model of the scripted server, and its reported usage. */
export function modelOf(
  server: Pick<ScriptedModel, 'baseUrl'>,
  { kind = 'openai-compatible', model = 'm-1', ...pace }: SetUp = {},
) {
  const provider = { name: 'scripted', kind, baseUrl: server.baseUrl, apiKey: KEY };
  const models = createModels({ embeddings: undefined, answers: undefined, providers: [provider] }, { backoffMs: 1, ...pace });
  const used: Usage[] = [];
  models.onUsage = (usage) => used.push(usage);
  const language = models.language.resolve('scripted', model);
  if (!language) throw new Error('There is no model.');
  return { language, used };
}

/** Runs a step and records the chunks and restarts that it reports. */
export function ask(model: LanguageModel, request: Partial<ModelStepRequest> & { text?: string } = {}) {
  const { text = 'Hello?', ...rest } = request;
  const chunks: string[] = [];
  const round = model.step({
    messages: [{ role: 'user', text }],
    tools: [],
    signal: new AbortController().signal,
    onText: (piece) => chunks.push(piece),
    onRestart: () => chunks.push('[restart]'),
    ...rest,
  });
  return { round, chunks };
}

export async function failureOf(round: Promise<unknown>): Promise<ModelStepError> {
  const error = await round.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(ModelStepError);
  return error as ModelStepError;
}

export const weather = {
  name: 'get_weather',
  description: 'Tells the weather.',
  inputSchema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};
