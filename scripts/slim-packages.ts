/**
 * Removes what nothing executes from the production packages of the container image, and then imports every package as the sources do, so
 * that a removal that breaks one fails the build.
 */
import { existsSync, globSync, readFileSync, rmSync } from 'node:fs';

/** Node.js executes no TypeScript inside node_modules. */
const NEVER_EXECUTED = ['map', 'ts', 'mts', 'cts', 'tsx', 'flow', 'md', 'mdx'];

const UNUSED = [
  // For machines with an older Node.js. The image has its own.
  'node_modules/node',
  // The query compilers of other databases, and the small, slow ones.
  'node_modules/@prisma/client/runtime/query_compiler_small_bg.*',
  'node_modules/@prisma/client/runtime/query_compiler_fast_bg.{cockroachdb,mysql,sqlite,sqlserver}.*',
  'node_modules/@prisma/client/runtime/wasm-compiler-edge*',
  // Other module formats of packages that are imported as ES modules only.
  'node_modules/@graphql-yoga/render-graphiql/cjs',
  'node_modules/gpt-tokenizer/{cjs,data,src}',
  'node_modules/mathjs/lib/{browser,cjs}',
];

for (const pattern of UNUSED) {
  const found = globSync(pattern);
  if (found.length === 0) throw new Error(`${pattern} matches nothing: correct the list`);
  for (const path of found) rmSync(path, { recursive: true });
}
for (const path of globSync(`node_modules/**/*.{${NEVER_EXECUTED}}`)) if (existsSync(path)) rmSync(path, { recursive: true });

const sources = globSync('src/**/*.ts', { exclude: (path) => String(path).endsWith('generated') });
const imports = new Set(
  sources
    .flatMap((file) => [
      ...readFileSync(file, 'utf8').matchAll(
        /^(?:import (?!type)[^;]*?from |export (?!type)[^;]*?from |.*\bimport\()'([^.'][^']*)'/gm,
      ),
    ])
    .map(([, specifier = '']) => specifier),
);
for (const specifier of imports) if (!specifier.startsWith('node:') && !specifier.endsWith('.json')) await import(specifier);
console.log(`${imports.size} imports succeed`);
