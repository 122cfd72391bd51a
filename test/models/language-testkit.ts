import { expect } from 'vitest';
import { type LanguageModel, RoundError, type RoundRequest } from '../../src/models/language.ts';
import type { LanguageProviderOptions, RoundPace } from '../../src/models/language-models.ts';
import { createModels } from '../../src/models/models.ts';
import type { Usage } from '../../src/models/usage.ts';
import type { ScriptedModel } from '../testkit/scripted-model.ts';

export const KEY = 'secret-key-0123456789';

export const KINDS = ['openai', 'openai-compatible', 'anthropic'] as const;

interface SetUp extends RoundPace {
  kind?: LanguageProviderOptions['kind'];
  model?: string;
}

/** A model of the scripted server, and what it was reported to take. */
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

/** Asks, and keeps what the caller is told as it is told. */
export function ask(model: LanguageModel, request: Partial<RoundRequest> & { text?: string } = {}) {
  const { text = 'Hello?', ...rest } = request;
  const told: string[] = [];
  const round = model.round({
    messages: [{ role: 'user', text }],
    tools: [],
    signal: new AbortController().signal,
    onText: (piece) => told.push(piece),
    onRestart: () => told.push('[restart]'),
    ...rest,
  });
  return { round, told };
}

export async function failureOf(round: Promise<unknown>): Promise<RoundError> {
  const error = await round.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(RoundError);
  return error as RoundError;
}

export const weather = {
  name: 'get_weather',
  description: 'Tells the weather.',
  inputSchema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};
