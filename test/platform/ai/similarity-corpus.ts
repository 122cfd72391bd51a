/** Passages of a former README of this project, and questions about them. */
export const corpus = {
  overview: `One server over one PostgreSQL gives an agent product its tenants and people, API keys, agents and their versions,
conversations with live views, tool executions and an audit log. Every row belongs to a tenant, and the database keeps it there:
row-level security is forced on every table, and the GraphQL server logs in as a role that cannot bypass it.`,
  codeFirst: `Code-first: a Pothos schema over Prisma, served by GraphQL Yoga. schema.graphql is its print.`,
  roundTrip: `One round trip a read: the tenant context travels with the statement. A nested selection costs one statement a level,
not one a row.`,
  live: `Live: conversationEvents(after: n) replays a durable, gapless log and then follows it, over SSE or WebSocket, from any server
process; who reconnects with the last number loses nothing and gets nothing twice.`,
  start: `The first start makes a database in .agentbase/, seeds two demo tenants, and prints the address, a sign-in and an API key. It
is the embedded mode: one process, one connection, PostgreSQL in WebAssembly. Open http://127.0.0.1:4000/graphql for GraphiQL.`,
  idempotency: `Append a message as an agent runtime would, with the API key of the tenant, in the first terminal. The second call is a
retry: it has the same idempotency key and returns the first result.`,
  health: `Health is at /health/ready, Prometheus metrics at /metrics, the public keys of tokens at /.well-known/jwks.json.`,
  credentials: `Credentials go into Authorization: Bearer: an access token of signIn (15 minutes; refreshSession exchanges the refresh
token for the next pair, and using one twice ends the session), an API key (createApiKey, scopes and expiry, shown once), or a token of
an external OIDC issuer. Over WebSocket the same text is authorization in the connection parameters.`,
  lists: `Lists are connections: first/after or last/before, at most 100, with filter and orderBy. Cursors are keysets and belong to
one list in one order. totalCount is only counted when asked for.`,
  mutations: `Mutations take one input and return a union of their payload and the errors a caller can act on (ValidationError,
NotFoundError, ConflictError, InvalidStateError), each a UserError with message, code and path. Not signed in and not allowed come as
top-level errors with extensions.code UNAUTHENTICATED and FORBIDDEN.`,
  limits: `Limits: depth, aliases, directives, tokens and price; the price is in extensions.cost. Too many requests are answered with
429 and Retry-After.`,
  configuration: `Everything is read from the environment, in one place (src/env.ts). With NODE_ENV=production the server refuses to
start while something that production demands is missing, and says what.`,
  poolSize: `DATABASE_POOL_SIZE, by default 10: Most connections of one process. DATABASE_MAX_WAITING, by default 500: How many may wait
for a connection before the next is turned away.`,
  cors: `CORS_ORIGINS: Origins browsers may call from, separated by commas. TRUST_PROXY: Whether the last entry of X-Forwarded-For is
the client: behind one proxy that sets it.`,
  pepper: `API_KEY_PEPPER: What API keys are hashed under. Changing it voids every key.`,
  viewer: `Who acts is resolved once, at the edge: a JWT or API key becomes a Viewer. Role and status come from the database, not from
the token, so a removed member is out within seconds.`,
  transaction: `A mutation field is one transaction, committed before its payload's nested fields are read. What it throws rolls all of
it back: the change, its audit rows and its events.`,
  foreignKeys: `Keys are (tenant_id, id), and so are the foreign keys between tenant tables: foreign keys are checked with row security
off, and a single-column key would let a row point at another tenant's.`,
  audit: `The audit log is written by a trigger, from the transaction's own settings. If it cannot be written, the change does not
happen.`,
  migrate: `npm run db:migrate is idempotent and safe to run from several processes at once; npm run db:migrate -- status says where the
database stands, npm run db:migrate -- down 1 takes the newest migration back, with its data.`,
  processes: `Several server processes need the same database, AUTH_KEYS (or AUTH_KEYS_FILE) and API_KEY_PEPPER, and nothing else.
REDIS_URL moves wake-ups and rate limits to Redis.`,
  worker: `npm run worker makes the coming months' partitions and drops those past their retention.`,
  compose: `docker compose up starts all of it: copy .env.example to .env and fill it in first (npm run keys:generate makes AUTH_KEYS).`,
  rotation: `Keys rotate without downtime, for all processes that share AUTH_KEYS_FILE: npm run keys:rotate -- --file FILE signs with a
new key and goes on verifying with the old ones; after 15 minutes, when their last tokens have ended, npm run keys:prune drops them.`,
  tests: `npm test runs the whole suite, embedded: no services, no root. npm run test:postgres runs the same suite and more on a real
PostgreSQL: TEST_DATABASE_URL, or a private cluster of its own.`,
  module: `A table is a model in prisma/schema/<domain>.prisma with a comment on everything; a migration with the table, its CHECKs, row
security, the grants, an audit trigger, and a down.sql. The catalog tests tell what is missing.`,
} as const;

export const questions: readonly (readonly [question: string, answeredBy: keyof typeof corpus])[] = [
  ['Which library is the GraphQL schema built with?', 'codeFirst'],
  ['How do I follow a conversation live after reconnecting?', 'live'],
  ['Where is the embedded database stored at the first start?', 'start'],
  ['What happens when I retry with the same idempotency key?', 'idempotency'],
  ['At what address are the Prometheus metrics?', 'health'],
  ['How long is an access token valid, and how do I refresh the session?', 'credentials'],
  ['How many items can a list return at most, and what are cursors?', 'lists'],
  ['Which errors can mutations return?', 'mutations'],
  ['What is the answer to too many requests?', 'limits'],
  ['Why does the server refuse to start in production?', 'configuration'],
  ['How many database connections does one process open?', 'poolSize'],
  ['Which browser origins may call the API?', 'cors'],
  ['What happens to API keys when I change the pepper?', 'pepper'],
  ['How quickly is a removed member locked out?', 'viewer'],
  ['Are the events rolled back when a mutation throws?', 'transaction'],
  ['Why do foreign keys contain the tenant id?', 'foreignKeys'],
  ['Who writes the audit log?', 'audit'],
  ['Is it safe to run the migrations from several processes at once?', 'migrate'],
  ['How can I undo the newest migration?', 'migrate'],
  ['Can rate limits be shared between processes with Redis?', 'processes'],
  ['How are the signing keys rotated without downtime?', 'rotation'],
  ['How do I run the test suite on a real PostgreSQL?', 'tests'],
  ['How do I start everything with Docker?', 'compose'],
  ['What does the worker do with old partitions?', 'worker'],
];
