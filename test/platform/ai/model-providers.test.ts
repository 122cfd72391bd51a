import { expect, test } from 'vitest';
import { EnvironmentError, readEnv } from '../../../src/env.ts';
import { localModels } from '../../../src/platform/ai/local-models.ts';

function problem(value: unknown): string {
  try {
    readEnv({ MODEL_PROVIDERS: typeof value === 'string' ? value : JSON.stringify(value) });
  } catch (error) {
    if (error instanceof EnvironmentError) return error.message;
    throw error;
  }
  return '';
}

test('There are no providers without MODEL_PROVIDERS', () => {
  expect(readEnv({}).MODEL_PROVIDERS).toEqual([]);
  expect(localModels().language.providers).toEqual([]);
  expect(localModels().language.resolve('openai', 'gpt-5')).toBeUndefined();
});

test('The kind of a provider defaults to its name', () => {
  const MODEL_PROVIDERS = JSON.stringify([
    { name: 'openai', apiKey: 'a' },
    { name: 'anthropic', apiKey: 'b', baseUrl: 'https://proxy.example/v1' },
    { name: 'ollama-2', kind: 'openai-compatible', baseUrl: 'http://127.0.0.1:11434/v1' },
  ]);
  expect(readEnv({ MODEL_PROVIDERS }).MODEL_PROVIDERS).toEqual([
    { name: 'openai', kind: 'openai', apiKey: 'a' },
    { name: 'anthropic', kind: 'anthropic', apiKey: 'b', baseUrl: 'https://proxy.example/v1' },
    { name: 'ollama-2', kind: 'openai-compatible', baseUrl: 'http://127.0.0.1:11434/v1' },
  ]);
});

const local = { name: 'local', kind: 'openai-compatible', baseUrl: 'http://127.0.0.1:1/v1' };

test.each<[string, unknown, string]>([
  ['no JSON', 'sk-secret', 'JSON'],
  ['no list', { name: 'secret' }, 'array'],
  ['a name that is no slug', [{ ...local, name: 'My Secret' }], 'lower-case letters'],
  ['no name', [{ kind: 'openai', apiKey: 'secret' }], 'string'],
  ['the name of the built-in model', [{ ...local, name: 'built-in' }], 'another name than built-in'],
  ['an unknown kind', [{ ...local, kind: 'secret' }], 'openai-compatible'],
  ['no kind', [{ name: 'secret', apiKey: 'secret' }], 'a kind of'],
  ['no key', [{ name: 'openai' }], 'an apiKey'],
  ['no address', [{ name: 'secret', kind: 'openai-compatible' }], 'a baseUrl'],
  ['an address of another protocol', [{ ...local, baseUrl: 'ftp://secret' }], 'URL'],
  ['a name twice', [local, local], 'names that differ'],
])('MODEL_PROVIDERS with %s is rejected without revealing its value', (_, value, expected) => {
  const message = problem(value);
  expect(message).toMatch(/^MODEL_PROVIDERS: expected /);
  expect(message).toContain(expected);
  expect(message.toLowerCase()).not.toContain('secret');
});
