/** Finds names of domains in the platform, and imports between modules that bypass their public files. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** The platform. Knows no domain. */
const PLATFORM = [
  'auth',
  'db',
  'graphql',
  'jobs',
  'lib',
  'live',
  'mcp',
  'models',
  'net',
  'sealing',
  'server',
  'storage',
  'platform',
].map((folder) => `src/${folder}/`);

/** The composition root and its programs, which bring domains and platform together. */
const COMPOSITION = [
  'src/app/migrate-cli.ts',
  'src/app/schema.ts',
  'src/app/app.ts',
  'src/app/connections.ts',
  'src/app/demo.ts',
  'src/app/demo-file.ts',
  'src/app/process-services.ts',
  'src/app/startup-banner.ts',
];

/** Words of domains that are words of the platform too. */
const PLATFORM_WORDS: Record<string, string> = {
  tenant: 'row security isolates tenants: each statement acts in one',
  user: 'who acts: Viewer and DbContext',
  'api key': 'who acts: Viewer and DbContext',
  document: 'GraphQL documents',
  message: 'messages of errors, protocols and language models',
  chunk: 'chunks of streams',
  run: 'a verb',
  mcp: 'the protocol, which the platform speaks as client and server',
  'mcp server': 'the protocol',
  'mcp tool': 'the protocol',
  'mcp resource': 'the protocol',
  'tool call': 'tool calls of language models',
};

/** Where a file of the platform may use a word that is none of the platform's. */
const ALLOWED: { file: string; words: string[]; reason: string }[] = [
  {
    file: 'src/platform/auth/',
    words: ['membership', 'refresh token'],
    reason: 'authentication reads them; the tenancy module manages them',
  },
  { file: 'src/platform/egress/', words: ['agent'], reason: 'the agents of undici, which hold connections' },
  { file: 'src/platform/http/request-info.ts', words: ['agent'], reason: 'the User-Agent header' },
  { file: 'src/platform/auth/viewer.ts', words: ['agent'], reason: 'the User-Agent header' },
  { file: 'src/platform/postgres/', words: ['agent'], reason: 'the User-Agent header, which the audit log records' },
  { file: 'src/platform/mcp-client/oauth/', words: ['refresh token'], reason: 'refresh tokens of OAuth' },
  { file: 'src/platform/lib/logger.ts', words: ['refresh token'], reason: 'redacted in the log whatever logs it' },
];

/** Domain words that still have to leave the platform. Remove entries; add none. */
const REMAINING: { file: string; words: string[] }[] = [
  {
    file: 'src/platform/live/',
    words: ['agent', 'agent run', 'collection', 'conversation', 'conversation event', 'message draft', 'tool execution'],
  },
  {
    file: 'src/platform/graphql/http/event-result-cache.ts',
    words: ['agent', 'agent run', 'conversation', 'conversation event', 'tool execution'],
  },
  { file: 'src/platform/graphql/http/graphiql.ts', words: ['agent', 'conversation', 'conversation event'] },
  { file: 'src/platform/storage/storage.ts', words: ['collection'] },
  { file: 'src/platform/ai/language/extractive-language-model.ts', words: ['agent', 'collection'] },
  // The columns that Prisma never selects.
  { file: 'src/platform/postgres/prisma.ts', words: ['invitation', 'refresh token'] },
  // The description of an error code.
  { file: 'src/platform/graphql/kit/errors.ts', words: ['invitation'] },
];

/** Tables that the platform reads itself: a credential is verified before there is anybody to act as. */
const PLATFORM_TABLES = ['api_keys', 'refresh_tokens', 'tenants'];

/** Files with SQL on tables of domains that still have to leave the platform. Remove entries; add none. */
const REMAINING_SQL = ['src/live/conversation-drafts.ts', 'src/live/event-log.ts'];

interface Source {
  file: string;
  /** Without comments. */
  code: string;
  imports: string[];
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

function readSource(file: string): Source {
  const code = withoutComments(readFileSync(file, 'utf8'));
  const specifiers = Array.from(code.matchAll(/(?:from|import|import\()\s*'(\.[^']+)'/g), (match) => match[1] ?? '');
  return { file, code, imports: specifiers.map((specifier) => normalize(join(dirname(file), specifier))) };
}

function singular(word: string): string {
  return word.replace(/ies$/, 'y').replace(/([^s])s$/, '$1');
}

/** `AgentRun`, `agent_runs` and `agent-run` all are "agent run". */
function words(text: string): string[] {
  return text
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(Boolean)
    .map(singular);
}

interface Domain {
  terms: string[];
  tables: string[];
}

/** The names of modules, entities and tables. */
function readDomain(modules: readonly string[]): Domain {
  const schema = globSync('prisma/schema/*.prisma')
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  const models = Array.from(schema.matchAll(/^model (\w+) \{/gm), (match) => match[1] ?? '');
  const tables = Array.from(schema.matchAll(/@@map\("(\w+)"\)/g), (match) => match[1] ?? '');
  return { terms: [...new Set([...models, ...modules].map((name) => words(name).join(' ')))], tables };
}

function allowedTerms(file: string): Set<string> {
  const here = [...ALLOWED, ...REMAINING].filter((entry) => file.startsWith(entry.file));
  return new Set([...Object.keys(PLATFORM_WORDS), ...here.flatMap((entry) => entry.words)]);
}

function platformProblems({ file, code, imports }: Source, { terms, tables }: Domain): string[] {
  const text = ` ${words(code).join(' ')} `;
  const allowed = allowedTerms(file);
  const found = terms.filter((term) => !allowed.has(term) && text.includes(` ${term} `));
  const inSql = Array.from(code.matchAll(/\b(?:FROM|JOIN|INTO|UPDATE|ONLY)\s+(?:public\.)?(\w+)/g), (match) => match[1] ?? '');
  const touched = inSql.filter((table) => tables.includes(table) && !PLATFORM_TABLES.includes(table));
  return [
    ...found.map((term) => `${file}: the domain name "${term}"`),
    ...(REMAINING_SQL.includes(file) ? [] : touched.map((table) => `${file}: SQL on the table ${table} of a domain`)),
    ...imports.filter((target) => target.startsWith('src/modules/')).map((target) => `${file}: imports ${target}`),
  ];
}

function moduleProblems({ file, imports }: Source, modules: readonly string[]): string[] {
  const own = file.split('/')[2] ?? '';
  return imports.flatMap((target) => {
    const [root, folder, name = '', ...rest] = target.split('/');
    if (root !== 'src' || folder !== 'modules' || name === own) return [];
    if (modules.indexOf(name) > modules.indexOf(own)) return [`${file}: imports ${name}, which builds on ${own}`];
    return rest.join('/') === 'exports.ts' ? [] : [`${file}: imports ${target} instead of the exports of ${name}`];
  });
}

/** Every problem, one a line. */
export async function platformProblem(): Promise<string> {
  const { modules } = await import('../src/modules/index.ts');
  const names = modules.map(({ name }) => name);
  const domain = readDomain(names);
  const sources = globSync('src/**/*.ts', { exclude: ['src/generated/**'] }).map(readSource);
  return sources
    .flatMap((source) => {
      if (source.file.startsWith('src/modules/')) return source.file.split('/').length > 3 ? moduleProblems(source, names) : [];
      const isPlatform = PLATFORM.some((folder) => source.file.startsWith(folder)) && !COMPOSITION.includes(source.file);
      return isPlatform ? platformProblems(source, domain) : [];
    })
    .join('\n');
}
