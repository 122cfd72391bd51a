/** Finds domain names in the platform. */
import { globSync, readFileSync } from 'node:fs';
import type { Source } from './sources.ts';

const PLATFORM = 'src/platform/';

/** Domain terms that the platform uses with a meaning of its own. */
const PLATFORM_WORDS: Record<string, string> = {
  tenant: 'row-level security isolates tenants: each statement acts in one',
  user: 'the actor: Viewer and SessionContext',
  'api key': 'the actor: Viewer and SessionContext',
  document: 'GraphQL documents',
  message: 'messages of errors, protocols and language models',
  chunk: 'chunks of streams',
  run: 'a verb',
  mcp: 'the protocol, which the platform implements as client and server',
  'mcp server': 'the protocol',
  'mcp tool': 'the protocol',
  'mcp resource': 'the protocol',
  'tool call': 'tool calls of language models',
};

/** Other domain terms and the files that may use them. */
const ALLOWED: { file: string; words: string[]; reason: string }[] = [
  {
    file: 'src/platform/auth/',
    words: ['membership', 'refresh token'],
    reason: 'authentication reads them; the tenancy module manages them',
  },
  { file: 'src/platform/egress/', words: ['agent'], reason: 'the agents of undici, which hold connections' },
  { file: 'src/platform/ai/', words: ['model usage'], reason: 'LanguageModelUsage of the AI SDK: the tokens of one call' },
  { file: 'src/platform/http/request-info.ts', words: ['agent'], reason: 'the User-Agent header' },
  { file: 'src/platform/auth/viewer.ts', words: ['agent'], reason: 'the User-Agent header' },
  { file: 'src/platform/postgres/', words: ['agent'], reason: 'the User-Agent header, which the audit log records' },
  { file: 'src/platform/mcp-client/oauth/', words: ['refresh token'], reason: 'refresh tokens of OAuth' },
  { file: 'src/platform/lib/logger.ts', words: ['refresh token'], reason: 'the logger redacts it wherever it occurs' },
];

/** Tables that the platform reads to verify a credential, before the actor is known. */
const PLATFORM_TABLES = ['api_keys', 'refresh_tokens', 'tenants'];

function singular(word: string): string {
  return word.replace(/ies$/, 'y').replace(/([^s])s$/, '$1');
}

/** Normalizes `AgentRun`, `agent_runs` and `agent-run` to "agent run". */
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

/** Returns the names of modules, entities and tables. */
function readDomain(modules: readonly string[]): Domain {
  const schema = globSync('prisma/schema/*.prisma')
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  const models = Array.from(schema.matchAll(/^model (\w+) \{/gm), (match) => match[1] ?? '');
  const tables = Array.from(schema.matchAll(/@@map\("(\w+)"\)/g), (match) => match[1] ?? '');
  return { terms: [...new Set([...models, ...modules].map((name) => words(name).join(' ')))], tables };
}

function allowedTerms(file: string): Set<string> {
  const here = ALLOWED.filter((entry) => file.startsWith(entry.file));
  return new Set([...Object.keys(PLATFORM_WORDS), ...here.flatMap((entry) => entry.words)]);
}

function problemsOf({ file, code }: Source, { terms, tables }: Domain): string[] {
  const text = ` ${words(code).join(' ')} `;
  const allowed = allowedTerms(file);
  const found = terms.filter((term) => !allowed.has(term) && text.includes(` ${term} `));
  const inSql = Array.from(code.matchAll(/\b(?:FROM|JOIN|INTO|UPDATE|ONLY)\s+(?:public\.)?(\w+)/g), (match) => match[1] ?? '');
  const ofDomains = inSql.filter((table) => tables.includes(table) && !PLATFORM_TABLES.includes(table));
  return [
    ...found.map((term) => `${file}: the domain name "${term}"`),
    ...ofDomains.map((table) => `${file}: SQL on the table ${table} of a domain`),
  ];
}

/** Returns the domain names in files of the platform. */
export function domainNameProblems(sources: readonly Source[], modules: readonly string[]): string[] {
  const domain = readDomain(modules);
  return sources.filter(({ file }) => file.startsWith(PLATFORM)).flatMap((source) => problemsOf(source, domain));
}
