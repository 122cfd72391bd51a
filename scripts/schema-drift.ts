import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import type { SchemaEngine } from '@prisma/schema-engine-wasm';
import type pg from 'pg';

const SCHEMA_FOLDER = fileURLToPath(new URL('../prisma/schema/', import.meta.url));

interface EngineModule {
  SchemaEngine: { new: (options: unknown, log: (message: string) => void, adapter: unknown) => Promise<SchemaEngine> };
  __wbg_set_wasm(exports: unknown): void;
}

/** The part of the WebAssembly API used here. Node.js provides it; its type declarations do not. */
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: { instantiate(bytes: Buffer, imports: object): Promise<{ instance: { exports: Record<string, unknown> } }> };
};

let engineModule: Promise<EngineModule> | undefined;

/**
 * Loads the WebAssembly build of Prisma's schema engine, which `prisma migrate` downloads as a native binary. Only the drift check uses it:
 * it compares a database with the Prisma schema. Migrations run without it.
 */
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

const SINGLE_LETTER = new Set(['constraint_type', 'confdeltype', 'confupdtype']);

class CatalogAdapter extends PrismaPg {
  override async connect(): ReturnType<PrismaPg['connect']> {
    const adapter = await super.connect();
    // The adapter does not support the catalog type "char", which the engine selects for the kinds of constraints.
    const queryRaw = adapter.queryRaw.bind(adapter);
    adapter.queryRaw = async (query) => {
      // Prisma cannot express ON DELETE SET NULL (column). The schema declares NO ACTION, so the engine reads NO ACTION.
      const sql = query.sql
        .replace(
          /\bcon1\.confdeltype\b/,
          "CASE WHEN con1.confdelsetcols IS NULL THEN con1.confdeltype ELSE 'a' END AS confdeltype",
        )
        .replace(/\b(constr\.contype|con\.confdeltype|con\.confupdtype)\b(?=,| AS)/g, '$1::text');
      const result = await queryRaw({ ...query, sql });
      if (sql === query.sql) return result;
      const columnTypes = result.columnTypes.map((type, column) =>
        SINGLE_LETTER.has(result.columnNames[column] ?? '') ? ColumnTypeEnum.Character : type,
      );
      return { ...result, columnTypes };
    };
    return adapter;
  }
}

async function withEngine<T>(pool: pg.Pool, use: (engine: SchemaEngine) => Promise<T>, files = schemaFiles()): Promise<T> {
  engineModule ??= loadEngine();
  const { SchemaEngine: Engine } = await engineModule;
  const datamodels = files.map(({ path, content }) => [path, content]);
  const adapter = new CatalogAdapter(pool);
  const engine = await Engine.new({ datamodels }, () => {}, bindMigrationAwareSqlAdapterFactory(adapter as never));
  try {
    return await use(engine);
  } finally {
    engine.free();
  }
}

/** Indexes that a Prisma schema cannot express. The catalog snapshot covers them. */
const UNMANAGED_BY_PRISMA = ['chunks_embedding_idx', 'chunks_tenant_id_search_idx'];

/** The SQL that would change the migrated database to match the Prisma schema. Empty if they match. */
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
      const unmanaged = UNMANAGED_BY_PRISMA.map((index) => `-- DropIndex\nDROP INDEX "${index}";\n`);
      const drift = unmanaged.reduce((text, drop) => text.replace(drop, ''), `${stdout ?? ''}\n`);
      return drift.replace('-- This is an empty migration.', '').trim();
    },
    files,
  );
}
