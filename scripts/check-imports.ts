/** Checks the direction of imports: app → modules → platform, between modules through exports, and the rules between platform folders. */
import type { Source } from './sources.ts';

interface PlatformRule {
  /** Folders and files of the platform that the folder may import, beside its own. */
  imports: readonly string[];
  reason: string;
}

const INTERFACES = 'module/registry.ts';
const SERVICES = 'module/services.ts';

/** What each folder of `src/platform` may import from the platform. */
const PLATFORM: Record<string, PlatformRule> = {
  lib: { imports: [], reason: 'every layer uses it, so it depends on none' },
  egress: { imports: ['lib'], reason: 'the rules for outgoing addresses are reviewed in one place' },
  encryption: { imports: ['lib'], reason: 'the encryption of secrets is reviewed in one place' },
  storage: { imports: ['lib'], reason: 'it stores bytes for any caller' },
  ai: { imports: ['lib', 'egress'], reason: 'it serves any caller' },
  postgres: { imports: ['lib'], reason: 'it receives the actor as a SessionContext and works the same for every caller' },
  migrations: { imports: ['lib', 'postgres'], reason: 'a migration runs without a server' },
  auth: { imports: ['lib', 'postgres', INTERFACES], reason: 'every transport authenticates with it' },
  live: { imports: ['lib', 'postgres', 'auth'], reason: 'it delivers changes to any transport' },
  jobs: { imports: ['lib', 'postgres', INTERFACES], reason: 'a worker runs jobs without a transport' },
  'mcp-client': { imports: ['lib', 'egress', 'encryption'], reason: 'it connects to servers for any caller' },
  http: { imports: ['lib', 'postgres', 'auth'], reason: 'GraphQL, MCP and the routes of modules share it' },
  graphql: { imports: ['lib', 'postgres', 'auth', 'live', 'http', SERVICES], reason: 'a transport beside mcp-server' },
  'mcp-server': { imports: ['lib', 'postgres', 'auth', 'http', SERVICES], reason: 'a transport beside graphql' },
  module: {
    imports: ['ai', 'auth', 'graphql', 'jobs', 'lib', 'live', 'mcp-client', 'mcp-server', 'postgres', 'storage'],
    reason: 'a module declares parts for all of these',
  },
};

/** Folders that only some files may import within their own platform folder. */
const GRAPHQL_PARTS: Record<string, PlatformRule> = {
  kit: { imports: [], reason: 'modules build schemas with the kit, without a transport' },
  executor: { imports: ['kit'], reason: 'it executes any operation, without a transport' },
  http: { imports: ['kit', 'executor'], reason: 'the transports use everything below' },
};

interface PackageRule {
  packages: RegExp;
  /** Prefixes of the paths that may import the packages. */
  importers: readonly string[];
  reason: string;
}

const PACKAGES: PackageRule[] = [
  {
    packages: /^graphql\/./,
    importers: ['src/platform/graphql/collect-fields.ts'],
    reason: 'internals of graphql-js move between versions, and this file verifies them',
  },
  {
    packages: /^(graphql$|@pothos\/)/,
    importers: ['src/platform/graphql/', 'src/app/'],
    reason: 'modules reach GraphQL through the kit only',
  },
];

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function platformProblem(file: string, target: string): string | undefined {
  if (isWithin(target, 'src/app') || isWithin(target, 'src/modules')) {
    return `${file} imports ${target}: the platform must not import modules or the app`;
  }
  const [, root, folder = '', part = ''] = file.split('/');
  if (root !== 'platform' || !target.startsWith('src/platform/')) return undefined;
  const imported = target.slice('src/platform/'.length);
  if (isWithin(imported, folder)) {
    const rule = folder === 'graphql' ? GRAPHQL_PARTS[part] : undefined;
    const other = imported.split('/')[1] ?? '';
    if (!rule || other === part || !(other in GRAPHQL_PARTS) || rule.imports.includes(other)) return undefined;
    return `${file} imports ${target}: ${rule.reason}`;
  }
  const rule = PLATFORM[folder];
  if (!rule) return `${file}: scripts/check-imports.ts has no rule for src/platform/${folder}`;
  return rule.imports.some((allowed) => isWithin(imported, allowed)) ? undefined : `${file} imports ${target}: ${rule.reason}`;
}

function moduleProblem(file: string, target: string, modules: readonly string[]): string | undefined {
  if (isWithin(target, 'src/app')) return `${file} imports ${target}: modules must not import the app`;
  const own = file.split('/')[2] ?? '';
  const [root, folder, name = '', ...rest] = target.split('/');
  // src/modules/index.ts lists the modules.
  if (!modules.includes(own) || root !== 'src' || folder !== 'modules' || name === own) return undefined;
  if (modules.indexOf(name) > modules.indexOf(own))
    return `${file} imports ${target}: ${name} comes after ${own} in src/modules/index.ts`;
  return rest.join('/') === 'exports.ts'
    ? undefined
    : `${file} imports ${target}: other modules import only exports.ts of ${name}`;
}

function packageProblem(file: string, target: string): string | undefined {
  const rule = PACKAGES.find(({ packages }) => packages.test(target));
  if (!rule || rule.importers.some((importer) => file.startsWith(importer))) return undefined;
  return `${file} imports ${target}: ${rule.reason}`;
}

/**
 * Returns the imports that violate a rule.
 * @param modules the names of the modules, each after those that it imports
 */
export function importProblems(sources: readonly Source[], modules: readonly string[]): string[] {
  return sources.flatMap(({ file, imports }) =>
    imports.flatMap((target) => {
      const layer = file.startsWith('src/platform/')
        ? platformProblem(file, target)
        : file.startsWith('src/modules/')
          ? moduleProblem(file, target, modules)
          : undefined;
      return [layer, packageProblem(file, target)].filter((problem) => problem !== undefined);
    }),
  );
}
