import { z } from 'zod';
import { createAddressPolicy } from './platform/egress/address-policy.ts';

interface Variable<T> {
  description: string;
  /** As it would be written in the environment. */
  default?: string | undefined;
  /** Whether the server refuses to start in production without it. */
  production?: boolean;
  schema: z.ZodType<T>;
}

function variable<T>(
  schema: z.ZodType<T>,
  description: string,
  rest: { default?: string; production?: boolean } = {},
): Variable<T> {
  return { schema, description, ...rest };
}

const text = z.string().min(1).optional();
const whole = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
const yesNo = z.stringbool();
const optionalYesNo = z.stringbool().optional();
const list = z.string().transform((value) =>
  value
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean),
);
const networks = list.refine((entries) => {
  try {
    createAddressPolicy(entries);
    return true;
  } catch {
    return false;
  }
}, 'networks such as 10.1.0.0/16 or fd12:3456::/32');
const provider = z.enum(['openai', 'openai-compatible']).optional();
const databaseUrl = z
  .string()
  .regex(/^postgres(ql)?:\/\//, 'a postgres:// URL')
  .optional();
const json = z.string().transform((value, context) => {
  try {
    return JSON.parse(value) as unknown;
  } catch {
    context.addIssue({ code: 'custom', message: 'JSON' });
    return z.NEVER;
  }
});
const oidcIssuers = json.pipe(z.array(z.object({ issuer: z.url(), audience: z.string().min(1), jwksUri: z.url().optional() })));
const PROVIDER_KINDS = ['openai', 'anthropic', 'openai-compatible'] as const;
const modelProvider = z
  .object({
    name: z
      .string()
      .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'names of lower-case letters, digits and hyphens')
      .max(50),
    kind: z.enum(PROVIDER_KINDS).optional(),
    apiKey: z.string().min(1).optional(),
    baseUrl: z.url({ protocol: /^https?$/ }).optional(),
  })
  .transform(({ kind, ...rest }) => ({ ...rest, kind: kind ?? PROVIDER_KINDS.find((known) => known === rest.name) }))
  .refine(({ name }) => name !== 'built-in', 'another name than built-in, which is the model without a provider')
  .refine(({ kind }) => kind, `a kind of ${PROVIDER_KINDS.join(', ')} where the name is none of them`)
  .refine(({ kind, baseUrl }) => kind !== 'openai-compatible' || baseUrl, 'a baseUrl of each openai-compatible provider')
  .refine(
    ({ kind, apiKey }) => !kind || kind === 'openai-compatible' || apiKey,
    'an apiKey of each openai and anthropic provider',
  )
  .transform(({ kind = 'openai', ...rest }) => ({ ...rest, kind }));
const modelProviders = json
  .pipe(z.array(modelProvider))
  .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'names that differ');

/** Every variable there is. The configuration table of the README is printed from here. */
export const variables = {
  NODE_ENV: variable(z.enum(['development', 'production', 'test']), '`production` refuses generated and default secrets.', {
    default: 'development',
  }),
  HOST: variable(z.string().min(1), 'Address to listen on.', { default: '127.0.0.1' }),
  PORT: variable(whole(0, 65_535), 'Port to listen on. 0 takes a free one.', { default: '4000' }),
  PUBLIC_URL: variable(z.url().optional(), 'Address clients use. It is the `iss` of tokens where JWT_ISSUER says nothing else.', {
    production: true,
  }),
  LOG_LEVEL: variable(
    z.enum(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace']),
    'How much is logged, as JSON lines.',
    {
      default: 'info',
    },
  ),
  DATABASE_URL: variable(databaseUrl, 'PostgreSQL, as the login of the server. Without it the embedded one runs.', {
    production: true,
  }),
  DATABASE_OWNER_URL: variable(
    databaseUrl,
    'PostgreSQL, as the owner of the tables, for `db:migrate`, `secrets:reseal` and `platform:admin`. DATABASE_URL when absent.',
  ),
  DATABASE_LISTEN_URL: variable(
    databaseUrl,
    'A direct connection for LISTEN and for jobs, where DATABASE_URL goes through a pooler.',
  ),
  DATABASE_SERVER_ROLE: variable(
    text,
    'The login `npm run db:migrate` lets into the application role, in which its sessions then begin.',
  ),
  DATABASE_POOL_SIZE: variable(whole(1, 500), 'Most connections of one process.', { default: '10' }),
  DATABASE_MAX_WAITING: variable(whole(1, 100_000), 'How many may wait for a connection before the next is turned away.', {
    default: '500',
  }),
  DATABASE_PREPARED_STATEMENTS: variable(yesNo, 'Off behind PgBouncer before 1.21.', { default: 'true' }),
  DATABASE_STATEMENT_TIMEOUT_MS: variable(whole(100, 3_600_000), 'Longest time of one statement.', { default: '10000' }),
  DATABASE_LOCK_TIMEOUT_MS: variable(whole(100, 3_600_000), 'Longest wait for a lock.', { default: '5000' }),
  DATABASE_IDLE_TRANSACTION_TIMEOUT_MS: variable(whole(100, 3_600_000), 'Longest pause inside a transaction.', {
    default: '10000',
  }),
  REDIS_URL: variable(
    z
      .string()
      .regex(/^rediss?:\/\//, 'a redis:// URL')
      .optional(),
    'Carries wake-ups and rate limits between processes.',
  ),
  AGENTBASE_DATA_DIR: variable(
    z.string().min(1),
    'Folder of the embedded database and generated keys. `memory://` keeps nothing.',
    {
      default: '.agentbase',
    },
  ),
  SEED_DEMO: variable(yesNo, 'Whether an empty embedded database is filled with demo tenants.', { default: 'true' }),
  STORAGE_FOLDER: variable(
    text,
    'Folder of uploaded files. `files` in AGENTBASE_DATA_DIR when absent. Servers and workers share it, or use S3.',
  ),
  S3_BUCKET: variable(text, 'Bucket of uploaded files, in the place of a folder. Any S3-compatible storage.'),
  S3_REGION: variable(z.string().min(1), 'Region of the bucket.', { default: 'us-east-1' }),
  S3_ENDPOINT: variable(z.url().optional(), 'Address of the storage, where it is not AWS.'),
  S3_ACCESS_KEY_ID: variable(text, 'Key of the storage. The usual AWS credentials when absent.'),
  S3_SECRET_ACCESS_KEY: variable(text, 'Secret of the key.'),
  S3_FORCE_PATH_STYLE: variable(yesNo, 'Whether the bucket is a part of the path, as with MinIO.', { default: 'false' }),
  S3_PREFIX: variable(text, 'Put before every key in the bucket.'),
  MAX_UPLOAD_BYTES: variable(whole(1_024, 5_368_709_120), 'Largest file of a document.', { default: '104857600' }),
  DELETED_DOCUMENT_DAYS: variable(whole(0, 3_650), 'How long a deleted document can be restored.', { default: '30' }),
  // Walking the index is faster from a third of it on, as bench:knowledge shows, but misses some of the best with local-lexical.
  SEARCH_EXACT_UP_TO: variable(
    whole(0, 10_000_000),
    'Passages in scope up to which a vector search compares every one, instead of walking the index.',
    {
      default: '50000',
    },
  ),
  JOBS_CONCURRENCY: variable(whole(1, 64), 'How many jobs of a kind a worker does at the same time.', { default: '2' }),
  RUNS_CONCURRENCY: variable(
    whole(1, 1_000),
    'How many runs of agents a worker carries out at the same time. It takes up to a quarter more, one for each tenant that has none.',
    {
      default: '25',
    },
  ),
  RUN_LEASE_SECONDS: variable(whole(3, 300), 'How long a run stays with a worker that no longer says it lives.', {
    default: '6',
  }),
  EMBEDDING_PROVIDER: variable(
    provider,
    'Who turns passages into vectors: `openai` or `openai-compatible`. The built-in `local-lexical` when absent.',
  ),
  EMBEDDING_MODEL: variable(text, 'The model, such as `text-embedding-3-small`.'),
  EMBEDDING_BASE_URL: variable(z.url().optional(), 'Address of the endpoint, up to `/v1`.'),
  EMBEDDING_API_KEY: variable(text, 'Key of the endpoint.'),
  EMBEDDING_DIMENSIONS: variable(
    whole(1, 1_536).optional(),
    'Numbers of a vector, where the model leaves the choice. At most 1536.',
  ),
  EMBEDDING_REQUESTS_PER_MINUTE: variable(whole(1, 1_000_000), 'Most requests of one process.', { default: '3000' }),
  EMBEDDING_TOKENS_PER_MINUTE: variable(whole(1_000, 1_000_000_000), 'Most tokens of one process, estimated.', {
    default: '1000000',
  }),
  ANSWER_PROVIDER: variable(
    provider,
    'Who answers `askKnowledge`: `openai` or `openai-compatible`. Sentences of the passages themselves when absent.',
  ),
  ANSWER_MODEL: variable(text, 'The model, such as `gpt-5-mini`.'),
  ANSWER_BASE_URL: variable(z.url().optional(), 'Address of the endpoint, up to `/v1`.'),
  ANSWER_API_KEY: variable(text, 'Key of the endpoint.'),
  MODEL_PROVIDERS: variable(
    modelProviders,
    'Whose models agents run on: JSON array of `{ name, kind?, apiKey?, baseUrl? }`. Agents say `name`; `kind` is `openai`, `anthropic` or ' +
      '`openai-compatible`, and may be left out where it is the name. Without any, a built-in model answers from knowledge search.',
    { default: '[]' },
  ),
  AUTH_KEYS: variable(text, 'The private keys that sign tokens, as a JWK set. `npm run keys:generate` makes one.'),
  AUTH_KEYS_FILE: variable(
    text,
    'The same in a file, which is read again when it changes. One of the two is demanded in production.',
  ),
  SEALING_KEYS: variable(text, "The keys that seal tenants' secrets, as a JWK set. `npm run secrets:generate` makes one."),
  SEALING_KEYS_FILE: variable(
    text,
    'The same in a file, which is read again when it changes. One of the two is demanded in production.',
  ),
  MCP_ALLOWED_NETWORKS: variable(
    networks,
    "Networks tenants' MCP servers may be in although they are not public, such as `10.1.0.0/16`, separated by commas.",
    { default: '' },
  ),
  MCP_IDLE_SECONDS: variable(whole(1, 86_400), 'How long a connection to an MCP server stays open that nobody uses.', {
    default: '300',
  }),
  MCP_MAX_CONNECTIONS: variable(whole(1, 10_000), 'Most connections of one process to MCP servers, programs among them.', {
    default: '100',
  }),
  JWT_ISSUER: variable(text, '`iss` of the tokens made here. PUBLIC_URL when absent.'),
  JWT_AUDIENCE: variable(z.string().min(1), '`aud` of the tokens made here.', { default: 'agentbase' }),
  ACCESS_TOKEN_TTL_SECONDS: variable(whole(30, 900), 'Life of an access token.', { default: '900' }),
  REFRESH_TOKEN_TTL_SECONDS: variable(whole(60, 31_536_000), 'Life of a refresh token.', { default: '2592000' }),
  OIDC_ISSUERS: variable(oidcIssuers, 'External issuers to trust: JSON array of `{ issuer, audience, jwksUri? }`.', {
    default: '[]',
  }),
  API_KEY_PEPPER: variable(
    z.string().min(32, 'at least 32 characters').optional(),
    'What API keys are hashed under. Changing it voids every key.',
    {
      production: true,
    },
  ),
  TRUST_PROXY: variable(yesNo, 'Whether the last entry of `X-Forwarded-For` is the client: behind one proxy that sets it.', {
    default: 'false',
  }),
  CORS_ORIGINS: variable(list, 'Origins browsers may call from, separated by commas.', { default: '' }),
  GRAPHIQL: variable(optionalYesNo, 'Whether GraphiQL is served. Yes outside production.'),
  INTROSPECTION: variable(optionalYesNo, 'Whether the schema may be asked for. Yes outside production.'),
  PERSISTED_OPERATIONS_FILE: variable(text, 'JSON object of operation ids and documents that may be sent by id.'),
  PERSISTED_OPERATIONS_ONLY: variable(yesNo, 'Whether nothing but persisted operations is run.', { default: 'false' }),
  MAX_DEPTH: variable(whole(3, 100), 'Deepest nesting of an operation.', { default: '15' }),
  MAX_ALIASES: variable(whole(0, 10_000), 'Most aliases in an operation.', { default: '50' }),
  MAX_DIRECTIVES: variable(whole(0, 10_000), 'Most directives in an operation.', { default: '50' }),
  MAX_TOKENS: variable(whole(100, 1_000_000), 'Most tokens in a document.', { default: '5000' }),
  MAX_COMPLEXITY: variable(whole(100, 10_000_000), 'Highest price of an operation, as in `extensions.cost`.', {
    default: '20000',
  }),
  MAX_BODY_BYTES: variable(whole(1_024, 1_073_741_824), 'Largest body of a request.', { default: '4194304' }),
  RATE_LIMIT_PER_MINUTE: variable(whole(1, 100_000_000), 'Requests a credential may make in a minute.', { default: '6000' }),
  RATE_LIMIT_ANONYMOUS_PER_MINUTE: variable(
    whole(1, 100_000_000),
    'Requests an address may make in a minute without a credential.',
    {
      default: '300',
    },
  ),
  METRICS_TOKEN: variable(text, 'Bearer token `/metrics` asks for. Open when absent.'),
} as const;

type Variables = typeof variables;
export type Env = { [Name in keyof Variables]: Variables[Name] extends Variable<infer T> ? T : never } & {
  GRAPHIQL: boolean;
  INTROSPECTION: boolean;
};

/** For what runs in any environment, such as migrations: nothing is demanded. */
export function readToolEnv(): Env {
  return readEnv({ ...process.env, NODE_ENV: 'development' });
}

/** What is wrong with the environment, a line for each variable. Never says what a value was. */
export class EnvironmentError extends Error {}

/** Reads and checks everything at once. Throws EnvironmentError. */
export function readEnv(source: Record<string, string | undefined> = process.env): Env {
  const problems: string[] = [];
  const env: Record<string, unknown> = {};
  for (const [name, { schema, default: fallback }] of Object.entries(variables) as [string, Variable<unknown>][]) {
    const parsed = schema.safeParse(source[name] || fallback);
    if (parsed.success) env[name] = parsed.data;
    else problems.push(`${name}: expected ${parsed.error.issues.map(({ message }) => message).join(', ')}`);
  }
  const production = env.NODE_ENV === 'production';
  if (production) {
    for (const [name, { production: demanded, description }] of Object.entries(variables) as [string, Variable<unknown>][]) {
      if (demanded && env[name] === undefined) problems.push(`${name} is demanded in production. ${description}`);
    }
    if (env.AUTH_KEYS === undefined && env.AUTH_KEYS_FILE === undefined) {
      problems.push(`AUTH_KEYS or AUTH_KEYS_FILE is demanded in production. ${variables.AUTH_KEYS.description}`);
    }
  }
  if (production && env.SEALING_KEYS === undefined && env.SEALING_KEYS_FILE === undefined) {
    problems.push(`SEALING_KEYS or SEALING_KEYS_FILE is demanded in production. ${variables.SEALING_KEYS.description}`);
  }
  if (env.PERSISTED_OPERATIONS_ONLY === true && env.PERSISTED_OPERATIONS_FILE === undefined) {
    problems.push('PERSISTED_OPERATIONS_FILE is demanded where PERSISTED_OPERATIONS_ONLY is set: nothing could be run.');
  }
  for (const kind of ['EMBEDDING', 'ANSWER']) {
    if (env[`${kind}_PROVIDER`] === undefined) continue;
    if (env[`${kind}_MODEL`] === undefined) problems.push(`${kind}_MODEL is demanded where ${kind}_PROVIDER is set.`);
    if (env[`${kind}_PROVIDER`] === 'openai-compatible' && env[`${kind}_BASE_URL`] === undefined) {
      problems.push(`${kind}_BASE_URL is demanded where ${kind}_PROVIDER is openai-compatible.`);
    }
  }
  if (problems.length > 0) throw new EnvironmentError(problems.join('\n'));
  return { ...env, GRAPHIQL: env.GRAPHIQL ?? !production, INTROSPECTION: env.INTROSPECTION ?? !production } as Env;
}
