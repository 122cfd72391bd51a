/**
 * `npm run new:table -- <module> <Entity> [--parent Entity] [--log] [--append-only] [--table name]`: generates the skeleton of a tenant table.
 *
 * Appends a model to `prisma/schema/<module>.prisma` and writes a migration that calls the SQL helpers. Edit the columns and grants before you
 * apply it. Generates no TypeScript.
 *
 *   --parent       each row is a part of a row of this model and is deleted with it
 *   --log          numbers the changes in the parent for subscriptions; with --append-only, the rows
 *   --append-only  rows never change: no updated_at, no UPDATE, not audited
 *   --table        name of the table (default: the plural of the entity)
 *   --prisma       the folder to write to (default: prisma)
 */
import { parseArgs } from 'node:util';
import { downSql, migrationSql } from './new-table/migration.ts';
import { modelText, parentColumns } from './new-table/model.ts';
import { camelCase, planTable, type TablePlan, UsageError } from './new-table/plan.ts';
import { PrismaFolder } from './new-table/prisma-folder.ts';

const USAGE = 'usage: npm run new:table -- <module> <Entity> [--parent Entity] [--log] [--append-only] [--table name]';

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        parent: { type: 'string' },
        log: { type: 'boolean', default: false },
        'append-only': { type: 'boolean', default: false },
        table: { type: 'string' },
        prisma: { type: 'string', default: 'prisma' },
      },
    });
    const [module, entity, ...rest] = positionals;
    if (!module || !entity || rest.length > 0) throw new UsageError(USAGE);
    return { ...values, module, entity, appendOnly: values['append-only'] };
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(`${error.message}\n${USAGE}`) : error;
  }
}

function nextSteps({ table, entity, parent, appendOnly }: TablePlan, migration: string): string {
  const lists = [
    `applicationGrants (${table}${parent ? `, ${parent.table}` : ''})`,
    ...(parent ? ['cascadeReferences'] : []),
    ...(appendOnly ? ['appendOnly', 'unaudited'] : []),
  ];
  return `Next:
  1. Edit the columns, checks, indexes and comments of ${entity}, and the same in ${migration}.
  2. npm run generate
  3. Add the table to test/catalog/expectations.ts: ${lists.join(', ')}.
  4. Declare the entity, its mutations and their cases: "Add a table" in CONTRIBUTING.md.
  5. npm run docs, then npx vitest run test/catalog -u, and read the difference of catalog.snapshot.txt.
  6. npm run check
`;
}

try {
  const { prisma, ...request } = readArguments();
  const folder = new PrismaFolder(prisma);
  const plan = planTable(folder, request);
  const back = `  ${camelCase(plan.table)} ${plan.entity}[]`;
  folder.appendModel(plan.module, modelText(plan));
  folder.extendModel('Tenant', [], [back]);
  if (plan.parent) folder.extendModel(plan.parent.model, parentColumns(plan), [back]);
  const migration = folder.nextMigration(plan.table, new Date());
  const written = folder.write(migration, { 'migration.sql': migrationSql(plan), 'down.sql': downSql(plan) });
  process.stdout.write(`${written.map((path) => `wrote ${path}`).join('\n')}\n\n${nextSteps(plan, migration)}`);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
