import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Reads and edits the schema files and migrations of a `prisma` folder as text. */
export class PrismaFolder {
  readonly #folder: string;
  readonly #files: Map<string, string>;

  constructor(folder: string) {
    this.#folder = folder;
    const schema = join(folder, 'schema');
    this.#files = new Map(
      readdirSync(schema)
        .filter((file) => file.endsWith('.prisma'))
        .map((file) => [file, readFileSync(join(schema, file), 'utf8')]),
    );
  }

  hasType(name: string): boolean {
    return [...this.#files.values()].some((text) => new RegExp(`^(model|enum) ${name} `, 'm').test(text));
  }

  hasTable(table: string): boolean {
    return [...this.#files.values()].some((text) => text.includes(`@@map("${table}")`));
  }

  bodyOf(model: string): string | undefined {
    return [...this.#files.values()].map((text) => modelPattern(model).exec(text)?.[2]).find((body) => body !== undefined);
  }

  appendModel(module: string, text: string): void {
    const existing = this.#files.get(`${module}.prisma`);
    this.#files.set(`${module}.prisma`, existing === undefined ? text : `${existing.trimEnd()}\n\n${text}`);
  }

  /** @param columns inserted before `createdAt` and `updatedAt`. @param relations lines for the relations of the model. */
  extendModel(model: string, columns: string[], relations: string[]): void {
    for (const [file, text] of this.#files) {
      if (!modelPattern(model).test(text)) continue;
      this.#files.set(
        file,
        text.replace(modelPattern(model), (_, head: string, body: string) => `${head}${extend(body, columns, relations)}}`),
      );
    }
  }

  /** Returns a name that sorts after all existing migrations. */
  nextMigration(title: string, now: Date): string {
    const newest = readdirSync(join(this.#folder, 'migrations'))
      .filter((name) => /^\d{14}_/.test(name))
      .map((name) => Number(name.slice(0, 14)))
      .reduce((one, other) => Math.max(one, other), 0);
    const stamp = Number(now.toISOString().replaceAll(/\D/g, '').slice(0, 14));
    return `${Math.max(stamp, newest + 1)}_${title}`;
  }

  /** Writes the schema files and the migration. Returns the paths of the created and changed files. */
  write(migration: string, files: Record<string, string>): string[] {
    const written: string[] = [];
    const put = (path: string, text: string) => {
      if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
      writeFileSync(path, text);
      written.push(path);
    };
    for (const [file, text] of this.#files) put(join(this.#folder, 'schema', file), text);
    mkdirSync(join(this.#folder, 'migrations', migration));
    for (const [file, text] of Object.entries(files)) put(join(this.#folder, 'migrations', migration, file), text);
    return written;
  }
}

/** Matches a model. Groups: the opening line and the text between the braces. */
function modelPattern(name: string): RegExp {
  return new RegExp(`^(model ${name} \\{\\n)([\\s\\S]*?)^\\}`, 'm');
}

/** A body has blocks separated by empty lines: columns, relations, attributes of the model. */
function extend(body: string, columns: string[], relations: string[]): string {
  const [columnBlock = '', ...blocks] = body.trimEnd().split('\n\n');
  const lines = columnBlock.split('\n');
  // `createdAt` and `updatedAt`, with their comments, end the columns of every model.
  let times = lines.findIndex((line) => /^ {2}createdAt /.test(line));
  while (times > 0 && lines[times - 1]?.startsWith('  ///')) times -= 1;
  lines.splice(times < 0 ? lines.length : times, 0, ...columns);
  const relationBlock = blocks.findIndex((block) => !block.trimStart().startsWith('@@'));
  if (relationBlock < 0) blocks.unshift(relations.join('\n'));
  else blocks[relationBlock] = `${blocks[relationBlock]}\n${relations.join('\n')}`;
  return `${[alignFields(lines.join('\n')), ...blocks.map(alignFields)].filter((block) => block !== '').join('\n\n')}\n`;
}

/** Aligns names, types and attributes of the fields of a block, as `prisma format` does. */
export function alignFields(block: string): string {
  const field = /^ {2}(\w+) +(\S+)(?: +(.*))?$/;
  const fields = block.split('\n').map((line) => (line.startsWith('  @@') ? null : field.exec(line)));
  const width = (group: number) => Math.max(0, ...fields.map((found) => found?.[group]?.length ?? 0));
  const [names, types] = [width(1), width(2)];
  return block
    .split('\n')
    .map((line, number) => {
      const found = fields[number];
      if (!found) return line;
      const [, name = '', type = '', attributes = ''] = found;
      return `  ${name.padEnd(names)} ${type.padEnd(types)} ${attributes}`.trimEnd();
    })
    .join('\n');
}
