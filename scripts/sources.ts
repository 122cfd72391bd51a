import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

export interface Source {
  file: string;
  /** The text without comments. */
  code: string;
  /** Relative imports as paths from the root, packages by their specifiers. Includes type imports, re-exports and `import()`. */
  imports: string[];
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

export function parseSource(file: string, text: string): Source {
  const code = withoutComments(text);
  const specifiers = Array.from(code.matchAll(/\b(?:from|import|import\()\s*'([^']+)'/g), (match) => match[1] ?? '');
  const resolve = (specifier: string) => (specifier.startsWith('.') ? normalize(join(dirname(file), specifier)) : specifier);
  return { file, code, imports: specifiers.map(resolve) };
}

/** The TypeScript files of `src`, without generated ones. */
export function readSources(): Source[] {
  return globSync('src/**/*.ts', { exclude: ['src/generated/**'] }).map((file) => parseSource(file, readFileSync(file, 'utf8')));
}
