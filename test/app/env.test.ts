import { expect, test } from 'vitest';
import { EnvironmentError, readEnv } from '../../src/env.ts';

const PRODUCTION = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://server@db/agentbase',
  PUBLIC_URL: 'https://api.example.test',
  API_KEY_PEPPER: 'a pepper of more than thirty-two characters',
  AUTH_KEYS: '{"keys":[]}',
  SEALING_KEYS: '{"keys":[{}]}',
};

function problems(env: Record<string, string | undefined>): string {
  try {
    readEnv(env);
  } catch (error) {
    if (error instanceof EnvironmentError) return error.message;
    throw error;
  }
  return '';
}

test('development requires no variable', () => {
  expect(readEnv({})).toMatchObject({
    NODE_ENV: 'development',
    PORT: 4000,
    HOST: '127.0.0.1',
    GRAPHIQL: true,
    INTROSPECTION: true,
  });
});

test('production requires these variables, and disables GraphiQL and introspection', () => {
  expect(readEnv(PRODUCTION)).toMatchObject({ GRAPHIQL: false, INTROSPECTION: false });
});

test.each(Object.keys(PRODUCTION).filter((name) => name !== 'NODE_ENV'))(
  'production refuses to start without %s and names it',
  (name) => {
    const message = problems({ ...PRODUCTION, [name]: undefined });
    expect(message).toContain(name);
    for (const value of Object.values(PRODUCTION).filter((text) => text !== 'production')) expect(message).not.toContain(value);
  },
);

test.each([
  ['PORT', 'seventy'],
  ['PORT', '70000'],
  ['DATABASE_URL', 'mysql://secret@host'],
  ['OIDC_ISSUERS', '[{"issuer": "secret"}]'],
  ['OIDC_ISSUERS', 'secret'],
  ['API_KEY_PEPPER', 'secret'],
  ['GRAPHIQL', 'secret'],
  ['ACCESS_TOKEN_TTL_SECONDS', '901'],
])('an error names an invalid %s without its value', (name, value) => {
  const message = problems({ [name]: value });
  expect(message).toContain(name);
  expect(message).not.toContain('secret');
});

test('PERSISTED_OPERATIONS_ONLY requires PERSISTED_OPERATIONS_FILE', () => {
  expect(problems({ PERSISTED_OPERATIONS_ONLY: 'true' })).toContain('PERSISTED_OPERATIONS_FILE');
});

test('readEnv reports all problems at once', () => {
  expect(problems({ NODE_ENV: 'production' }).split('\n').length).toBeGreaterThanOrEqual(4);
});
