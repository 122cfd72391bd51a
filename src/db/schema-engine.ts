import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import type { SchemaEngine } from '@prisma/schema-engine-wasm';
import type pg from 'pg';

export const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../prisma/migrations/', import.meta.url));
const SCHEMA_FOLDER = fileURLToPath(new URL('../../prisma/schema/', import.meta.url));

interface EngineModule {
  SchemaEngine: { new: (options: unknown, log: (message: string) => void, adapter: unknown) => Promise<SchemaEngine> };
  __wbg_set_wasm(exports: unknown): void;
}

/** The part of the WebAssembly interface that loading takes; Node has it, its types do not. */
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: { instantiate(bytes: Buffer, imports: object): Promise<{ instance: { exports: Record<string, unknown> } }> };
};

let engineModule: Promise<EngineModule> | undefined;

/** The schema engine that `prisma migrate` downloads as a native binary, from the package registry as WebAssembly. */
async function loadEngine(): Promise<EngineModule> {
  const require = createRequire(import.meta.url);
  const glue: EngineModule = await import('@prisma/schema-engine-wasm/schema_engine_bg' as string);
  const wasm = readFileSync(require.resolve('@prisma/schema-engine-wasm/schema_engine_bg').replace(/\.js$/, '.wasm'));
  const { instance } = await WebAssembly.instantiate(wasm, { './schema_engine_bg.js': glue });
  glue.__wbg_set_wasm(instance.exports);
  (instance.exports.__wbindgen_start as () => void)();
  return glue;
}

export function schemaFiles(folder = SCHEMA_FOLDER): { path: string; content: string }[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.prisma'))
    .sort()
    .map((file) => ({ path: join(folder, file), content: readFileSync(join(folder, file), 'utf8') }));
}

export function migrationNames(): string[] {
  return readdirSync(MIGRATIONS_FOLDER, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

const ONE_LETTER = new Set(['constraint_type', 'confdeltype', 'confupdtype']);

/** PrismaPg splits scripts at each semicolon, which no function body survives. PostgreSQL takes a script whole. */
class WholeScripts extends PrismaPg {
  readonly #pool: pg.Pool;
  /** What PostgreSQL last refused: the engine tells only that something was. */
  refused: unknown;

  constructor(pool: pg.Pool) {
    super(pool);
    this.#pool = pool;
  }

  override async connect(): ReturnType<PrismaPg['connect']> {
    const adapter = await super.connect();
    adapter.executeScript = async (script) => {
      await this.#pool.query(script).catch((error: unknown) => {
        this.refused = error;
        throw error;
      });
    };
    // The adapter does not know the catalog's one-letter type "char", in which the engine asks for the kinds of constraints.
    const queryRaw = adapter.queryRaw.bind(adapter);
    adapter.queryRaw = async (query) => {
      // Nor does Prisma have words for ON DELETE SET NULL (one column): its schema says NO ACTION, so that is what it reads.
      const sql = query.sql
        .replace(
          /\bcon1\.confdeltype\b/,
          "CASE WHEN con1.confdelsetcols IS NULL THEN con1.confdeltype ELSE 'a' END AS confdeltype",
        )
        .replace(/\b(constr\.contype|con\.confdeltype|con\.confupdtype)\b(?=,| AS)/g, '$1::text');
      const result = await queryRaw({ ...query, sql });
      if (sql === query.sql) return result;
      const columnTypes = result.columnTypes.map((type, column) =>
        ONE_LETTER.has(result.columnNames[column] ?? '') ? ColumnTypeEnum.Character : type,
      );
      return { ...result, columnTypes };
    };
    return adapter;
  }
}

/** Names the migration, which the engine knows, and the reason, which PostgreSQL gave. */
function messageOf(engineError: unknown, refused: unknown): string {
  const name = /migration_name="([^"]+)"/.exec(String(engineError))?.[1];
  const reason = refused instanceof Error ? refused.message : String(refused);
  return `${name ? `migration ${name} failed` : 'the schema engine failed'}: ${reason}`;
}

async function withEngine<T>(pool: pg.Pool, use: (engine: SchemaEngine) => Promise<T>, files = schemaFiles()): Promise<T> {
  engineModule ??= loadEngine();
  const { SchemaEngine: Engine } = await engineModule;
  const datamodels = files.map(({ path, content }) => [path, content]);
  const adapter = new WholeScripts(pool);
  const engine = await Engine.new({ datamodels }, () => {}, bindMigrationAwareSqlAdapterFactory(adapter as never));
  try {
    return await use(engine);
  } catch (error) {
    throw adapter.refused === undefined ? error : new Error(messageOf(error, adapter.refused), { cause: adapter.refused });
  } finally {
    engine.free();
  }
}

const filters = { externalTables: [], externalEnums: [] };

/** Applies what is missing, in order, and returns the names. Each migration is one transaction. */
export function applyMigrations(pool: pg.Pool): Promise<string[]> {
  const migrationDirectories = migrationNames().map((path) => ({
    path,
    migrationFile: {
      path: 'migration.sql',
      content: { tag: 'ok' as const, value: readFileSync(join(MIGRATIONS_FOLDER, path, 'migration.sql'), 'utf8') },
    },
  }));
  const lockfile = { path: 'migration_lock.toml', content: readFileSync(join(MIGRATIONS_FOLDER, 'migration_lock.toml'), 'utf8') };
  return withEngine(pool, async (engine) => {
    const { appliedMigrationNames } = await engine.applyMigrations({
      migrationsList: { baseDir: MIGRATIONS_FOLDER, lockfile, shadowDbInitScript: '', migrationDirectories },
      filters,
    });
    return appliedMigrationNames;
  });
}

/** Indexes that Prisma's schema has no words for. The catalog snapshot holds them. */
const BEYOND_PRISMA = ['chunks_embedding_idx', 'chunks_tenant_id_search_idx'];

/** What would have to change for the migrated database to be what the Prisma schema says, as SQL. Empty when nothing. */
export function schemaDrift(pool: pg.Pool, files = schemaFiles()): Promise<string> {
  return withEngine(
    pool,
    async (engine) => {
      const { stdout } = await engine.diff({
        from: { tag: 'schemaDatasource', files, configDir: '' },
        to: { tag: 'schemaDatamodel', files },
        script: true,
        exitCode: null,
        filters: { externalTables: ['public._prisma_migrations'], externalEnums: [] },
      });
      const beyond = BEYOND_PRISMA.map((index) => `-- DropIndex\nDROP INDEX "${index}";\n`);
      const drift = beyond.reduce((text, drop) => text.replace(drop, ''), `${stdout ?? ''}\n`);
      return drift.replace('-- This is an empty migration.', '').trim();
    },
    files,
  );
}
