import { z } from 'zod';
import { createAddressPolicy } from './platform/egress/address-policy.ts';

interface Variable<T> {
  description: string;
  /** As in the environment. */
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

/** All environment variables. scripts/docs.ts generates the configuration table from them. */
export const variables = {
  NODE_ENV: variable(z.enum(['development', 'production', 'test']), '`production` refuses generated and default secrets.', {
    default: 'development',
  }),
  HOST: variable(z.string().min(1), 'Address to listen on.', { default: '127.0.0.1' }),
  PORT: variable(whole(0, 65_535), 'Port to listen on. 0 selects a free one.', { default: '4000' }),
  PUBLIC_URL: variable(z.url().optional(), 'Address that clients use. Also the `iss` of tokens unless JWT_ISSUER is set.', {
    production: true,
  }),
  LOG_LEVEL: variable(
    z.enum(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace']),
    'Lowest level to log, as JSON lines.',
    {
      default: 'info',
    },
  ),
  DATABASE_URL: variable(databaseUrl, 'PostgreSQL, with the login of the server. Without it, the embedded database runs.', {
    production: true,
  }),
  DATABASE_OWNER_URL: variable(
    databaseUrl,
    'PostgreSQL, with the owner of the tables, for `db:migrate`, `secrets:reseal` and `platform:admin`. Default: DATABASE_URL.',
  ),
  DATABASE_LISTEN_URL: variable(databaseUrl, 'Direct connection for LISTEN and jobs, if DATABASE_URL is a pooler.'),
  DATABASE_SERVER_ROLE: variable(
    text,
    'Login that `npm run db:migrate` grants the application role, in which its sessions start.',
  ),
  DATABASE_POOL_SIZE: variable(whole(1, 500), 'Maximum number of connections of one process.', { default: '10' }),
  DATABASE_MAX_WAITING: variable(whole(1, 100_000), 'Maximum number of requests that wait for a connection. Further ones fail.', {
    default: '500',
  }),
  DATABASE_PREPARED_STATEMENTS: variable(yesNo, 'Whether to prepare statements. `false` behind PgBouncer before 1.21.', {
    default: 'true',
  }),
  DATABASE_STATEMENT_TIMEOUT_MS: variable(whole(100, 3_600_000), 'Maximum duration of one statement, in milliseconds.', {
    default: '10000',
  }),
  DATABASE_LOCK_TIMEOUT_MS: variable(whole(100, 3_600_000), 'Maximum wait for a lock, in milliseconds.', { default: '5000' }),
  DATABASE_IDLE_TRANSACTION_TIMEOUT_MS: variable(
    whole(100, 3_600_000),
    'Maximum idle time inside a transaction, in milliseconds.',
    {
      default: '10000',
    },
  ),
  REDIS_URL: variable(
    z
      .string()
      .regex(/^rediss?:\/\//, 'a redis:// URL')
      .optional(),
    'Distributes notices and rate limits between processes.',
  ),
  AGENTBASE_DATA_DIR: variable(
    z.string().min(1),
    'Folder of the embedded database and generated keys. `memory://` stores nothing on disk.',
    {
      default: '.agentbase',
    },
  ),
  SEED_DEMO: variable(yesNo, 'Whether to create demo tenants in an empty embedded database.', { default: 'true' }),
  STORAGE_FOLDER: variable(
    text,
    'Folder of uploaded files, which servers and workers share. Default: `files` in AGENTBASE_DATA_DIR.',
  ),
  S3_BUCKET: variable(text, 'Bucket of uploaded files, instead of a folder. Any S3-compatible storage.'),
  S3_REGION: variable(z.string().min(1), 'Region of the bucket.', { default: 'us-east-1' }),
  S3_ENDPOINT: variable(z.url().optional(), 'Address of the storage, if it is not AWS.'),
  S3_ACCESS_KEY_ID: variable(text, 'Access key of the storage. Default: the AWS credential chain.'),
  S3_SECRET_ACCESS_KEY: variable(text, 'Secret of the access key.'),
  S3_FORCE_PATH_STYLE: variable(yesNo, 'Whether the bucket is part of the path, as with MinIO.', { default: 'false' }),
  S3_PREFIX: variable(text, 'Prefix of all keys in the bucket.'),
  MAX_UPLOAD_BYTES: variable(whole(1_024, 5_368_709_120), 'Maximum size of an uploaded document, in bytes.', {
    default: '104857600',
  }),
  DELETED_DOCUMENT_DAYS: variable(whole(0, 3_650), 'Days for which a deleted document can be restored.', { default: '30' }),
  // The index is faster from a third of this number on (see bench:knowledge), but misses some of the best chunks with local-lexical.
  SEARCH_EXACT_UP_TO: variable(
    whole(0, 10_000_000),
    'Maximum number of chunks in scope that a vector search compares exactly. Beyond it, the search uses the index.',
    {
      default: '50000',
    },
  ),
  JOBS_CONCURRENCY: variable(whole(1, 64), 'Number of concurrent jobs of each queue in a worker.', { default: '2' }),
  RUNS_CONCURRENCY: variable(
    whole(1, 1_000),
    'Number of concurrent runs of agents in a worker. It claims up to a quarter more, one for each tenant without a running one.',
    {
      default: '25',
    },
  ),
  RUN_LEASE_SECONDS: variable(
    whole(3, 300),
    'Seconds after the last heartbeat of a worker until another worker can claim its runs.',
    {
      default: '6',
    },
  ),
  EMBEDDING_PROVIDER: variable(
    provider,
    'Provider of embeddings: `openai` or `openai-compatible`. Default: the built-in `local-lexical`.',
  ),
  EMBEDDING_MODEL: variable(text, 'Embedding model, such as `text-embedding-3-small`.'),
  EMBEDDING_BASE_URL: variable(z.url().optional(), 'Address of the endpoint, up to `/v1`.'),
  EMBEDDING_API_KEY: variable(text, 'API key of the endpoint.'),
  EMBEDDING_DIMENSIONS: variable(
    whole(1, 1_536).optional(),
    'Dimensions of the embeddings, if the model supports several. At most 1536.',
  ),
  EMBEDDING_REQUESTS_PER_MINUTE: variable(
    whole(1, 1_000_000),
    'Maximum number of embedding requests per minute of one process.',
    { default: '3000' },
  ),
  EMBEDDING_TOKENS_PER_MINUTE: variable(
    whole(1_000, 1_000_000_000),
    'Maximum number of estimated tokens per minute of one process.',
    {
      default: '1000000',
    },
  ),
  ANSWER_PROVIDER: variable(
    provider,
    'Provider of the model for `askKnowledge`: `openai` or `openai-compatible`. Default: the built-in extractive model, which quotes the chunks.',
  ),
  ANSWER_MODEL: variable(text, 'Model for `askKnowledge`, such as `gpt-5-mini`.'),
  ANSWER_BASE_URL: variable(z.url().optional(), 'Address of the endpoint, up to `/v1`.'),
  ANSWER_API_KEY: variable(text, 'API key of the endpoint.'),
  MODEL_PROVIDERS: variable(
    modelProviders,
    'Providers of the models of agents: JSON array of `{ name, kind?, apiKey?, baseUrl? }`. The `provider` of an agent is a `name`. `kind` is ' +
      '`openai`, `anthropic` or `openai-compatible`; default: `name`. Without providers, a built-in model quotes knowledge search results.',
    { default: '[]' },
  ),
  AUTH_KEYS: variable(text, 'Private keys that sign tokens, as a JWK set. `npm run keys:generate` creates one.'),
  AUTH_KEYS_FILE: variable(text, 'File with the same, reloaded when it changes. One of the two is required in production.'),
  SEALING_KEYS: variable(text, "Keys that encrypt tenants' secrets, as a JWK set. `npm run secrets:generate` creates one."),
  SEALING_KEYS_FILE: variable(text, 'File with the same, reloaded when it changes. One of the two is required in production.'),
  MCP_ALLOWED_NETWORKS: variable(
    networks,
    "Private networks that tenants' MCP servers may be in, such as `10.1.0.0/16`, separated by commas.",
    { default: '' },
  ),
  MCP_IDLE_SECONDS: variable(whole(1, 86_400), 'Seconds until an unused connection to an MCP server is closed.', {
    default: '300',
  }),
  MCP_MAX_CONNECTIONS: variable(
    whole(1, 10_000),
    'Maximum number of connections of one process to MCP servers, including STDIO programs.',
    {
      default: '100',
    },
  ),
  JWT_ISSUER: variable(text, '`iss` of issued tokens. Default: PUBLIC_URL.'),
  JWT_AUDIENCE: variable(z.string().min(1), '`aud` of issued tokens.', { default: 'agentbase' }),
  ACCESS_TOKEN_TTL_SECONDS: variable(whole(30, 900), 'Lifetime of an access token, in seconds.', { default: '900' }),
  REFRESH_TOKEN_TTL_SECONDS: variable(whole(60, 31_536_000), 'Lifetime of a refresh token, in seconds.', { default: '2592000' }),
  OIDC_ISSUERS: variable(oidcIssuers, 'Trusted external issuers: JSON array of `{ issuer, audience, jwksUri? }`.', {
    default: '[]',
  }),
  API_KEY_PEPPER: variable(
    z.string().min(32, 'at least 32 characters').optional(),
    'Secret for the hashes of API keys. Changing it invalidates all keys.',
    {
      production: true,
    },
  ),
  TRUST_PROXY: variable(
    yesNo,
    'Whether to read the client address from the last entry of `X-Forwarded-For`, behind one proxy that sets it.',
    {
      default: 'false',
    },
  ),
  CORS_ORIGINS: variable(list, 'Allowed origins of browser requests, separated by commas.', { default: '' }),
  GRAPHIQL: variable(optionalYesNo, 'Whether to serve GraphiQL. Default: `true` outside production.'),
  INTROSPECTION: variable(optionalYesNo, 'Whether to allow introspection. Default: `true` outside production.'),
  PERSISTED_OPERATIONS_FILE: variable(text, 'File with a JSON object of persisted operations: documents by their ids.'),
  PERSISTED_OPERATIONS_ONLY: variable(yesNo, 'Whether to reject all other operations than persisted ones.', { default: 'false' }),
  MAX_DEPTH: variable(whole(3, 100), 'Maximum depth of an operation.', { default: '15' }),
  MAX_ALIASES: variable(whole(0, 10_000), 'Maximum number of aliases in an operation.', { default: '50' }),
  MAX_DIRECTIVES: variable(whole(0, 10_000), 'Maximum number of directives in an operation.', { default: '50' }),
  MAX_TOKENS: variable(whole(100, 1_000_000), 'Maximum number of tokens in a document.', { default: '5000' }),
  MAX_COMPLEXITY: variable(whole(100, 10_000_000), 'Maximum cost of an operation, as in `extensions.cost`.', {
    default: '20000',
  }),
  MAX_BODY_BYTES: variable(whole(1_024, 1_073_741_824), 'Maximum size of a request body, in bytes.', { default: '4194304' }),
  MAX_CONCURRENT_REQUESTS: variable(
    whole(1, 100_000),
    'Maximum number of GraphQL requests of a credential that one process executes at once.',
    { default: '200' },
  ),
  MAX_STREAMS: variable(whole(1, 1_000_000), 'Maximum number of event streams of a credential in one process, over SSE.', {
    default: '2000',
  }),
  RATE_LIMIT_PER_MINUTE: variable(whole(1, 100_000_000), 'Maximum number of requests of a credential per minute.', {
    default: '6000',
  }),
  RATE_LIMIT_ANONYMOUS_PER_MINUTE: variable(
    whole(1, 100_000_000),
    'Maximum number of requests of an address without a credential per minute.',
    {
      default: '300',
    },
  ),
  MAX_TENANTS_PER_USER: variable(whole(1, 1_000_000), 'Maximum number of tenants that one user may own when creating another.', {
    default: '50',
  }),
  METRICS_TOKEN: variable(
    text,
    'Bearer token that `/metrics` requires. Without it, `/metrics` is closed in production and public elsewhere.',
  ),
} as const;

type Variables = typeof variables;
export type Env = { [Name in keyof Variables]: Variables[Name] extends Variable<infer T> ? T : never } & {
  GRAPHIQL: boolean;
  INTROSPECTION: boolean;
};

/** For programs that run in any environment, such as migrations: requires no variable. */
export function readToolEnv(): Env {
  return readEnv({ ...process.env, NODE_ENV: 'development' });
}

/** The problems of the environment, one line for each variable. Values are not part of the message. */
export class EnvironmentError extends Error {}

/** Reads and validates all variables. Throws EnvironmentError with all problems. */
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
    for (const [name, { production: required, description }] of Object.entries(variables) as [string, Variable<unknown>][]) {
      if (required && env[name] === undefined) problems.push(`${name} is required in production. ${description}`);
    }
    if (env.AUTH_KEYS === undefined && env.AUTH_KEYS_FILE === undefined) {
      problems.push(`AUTH_KEYS or AUTH_KEYS_FILE is required in production. ${variables.AUTH_KEYS.description}`);
    }
  }
  if (production && env.SEALING_KEYS === undefined && env.SEALING_KEYS_FILE === undefined) {
    problems.push(`SEALING_KEYS or SEALING_KEYS_FILE is required in production. ${variables.SEALING_KEYS.description}`);
  }
  if (env.PERSISTED_OPERATIONS_ONLY === true && env.PERSISTED_OPERATIONS_FILE === undefined) {
    problems.push(
      'PERSISTED_OPERATIONS_FILE is required if PERSISTED_OPERATIONS_ONLY is set: otherwise no operation could be executed.',
    );
  }
  for (const kind of ['EMBEDDING', 'ANSWER']) {
    if (env[`${kind}_PROVIDER`] === undefined) continue;
    if (env[`${kind}_MODEL`] === undefined) problems.push(`${kind}_MODEL is required if ${kind}_PROVIDER is set.`);
    if (env[`${kind}_PROVIDER`] === 'openai-compatible' && env[`${kind}_BASE_URL`] === undefined) {
      problems.push(`${kind}_BASE_URL is required if ${kind}_PROVIDER is openai-compatible.`);
    }
  }
  if (problems.length > 0) throw new EnvironmentError(problems.join('\n'));
  return { ...env, GRAPHIQL: env.GRAPHIQL ?? !production, INTROSPECTION: env.INTROSPECTION ?? !production } as Env;
}
