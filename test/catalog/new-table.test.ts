import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { schemaDrift, schemaFiles } from '../../scripts/schema-drift.ts';
import { type TestDatabase, throwawayDatabase } from '../testkit/database.ts';
import { rolledBack } from '../testkit/roles.ts';
import { runScript } from '../testkit/run-script.ts';
import * as references from './checks/references.ts';
import { policiesAreExpected, rowSecurityIsEnabledAndForced } from './checks/row-security.ts';
import * as tables from './checks/tables.ts';
import { catalogText } from './snapshot.ts';

const SOURCE = new URL('../../prisma', import.meta.url).pathname;

let db: TestDatabase;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'agentbase-prisma-'));
  cpSync(SOURCE, folder, { recursive: true });
  db = await throwawayDatabase();
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await db.close();
});

const newTable = (...args: string[]) => runScript('new-table', [...args, '--prisma', folder], {});
const catalog = () => rolledBack(db, ({ query }) => catalogText(query));
const contents = () =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));

/** The `///` comments of the models in a schema file, as the COMMENT statements that a migration adds for them. */
function commentsOfModels(content: string): string {
  const sql: string[] = [];
  for (const [, comment = '', model = '', body = ''] of content.matchAll(/((?:^\/\/\/.*\n)+)model (\w+) \{\n([\s\S]*?)^\}/gm)) {
    const table = /@@map\("(\w+)"\)/.exec(body)?.[1] ?? model;
    const literal = (text: string) =>
      `'${text
        .replaceAll(/ *\/\/\/ ?/g, '')
        .trim()
        .replaceAll('\n', ' ')
        .replaceAll("'", "''")}'`;
    sql.push(`COMMENT ON TABLE public.${table} IS ${literal(comment)}`);
    for (const [, documentation = '', property = '', rest = ''] of body.matchAll(/((?:^ *\/\/\/.*\n)+) *(\w+)(.*)$/gm)) {
      const column = /@map\("(\w+)"\)/.exec(rest)?.[1] ?? property;
      sql.push(`COMMENT ON COLUMN public.${table}.${column} IS ${literal(documentation)}`);
    }
  }
  return sql.join(';\n');
}

test('generated tables migrate, match their models, pass the checks of every table, and can be reverted', {
  timeout: 120_000,
}, async () => {
  const before = await catalog();
  const existing = new Set(readdirSync(join(folder, 'migrations')));
  for (const args of [
    ['work', 'Mission'],
    ['work', 'WorkItem', '--parent', 'Mission', '--log'],
    ['work', 'MissionEvent', '--parent', 'Mission', '--log', '--append-only'],
    ['agents', 'AgentNote', '--parent', 'Agent'],
    // The parent already numbers its own changes.
    ['knowledge', 'Glossary', '--parent', 'Collection', '--log', '--table', 'glossaries'],
  ]) {
    expect(await newTable(...args)).toMatchObject({ code: 0, stderr: '' });
  }
  const created = readdirSync(join(folder, 'migrations')).filter((name) => !existing.has(name));
  const sql = (name: string, file: string) => readFileSync(join(folder, 'migrations', name, file), 'utf8');
  for (const name of created.sort()) await db.ownerQuery(sql(name, 'migration.sql'));
  const files = schemaFiles(join(folder, 'schema'));
  for (const { content } of files) await db.ownerQuery(commentsOfModels(content));
  expect(await schemaDrift(db.ownerPool, files)).toBe('');

  // The remaining problems are exceptions that the author must add to expectations.ts.
  const problems = await rolledBack(db, async ({ query }) => {
    const checks = [...Object.values(tables), ...Object.values(references), policiesAreExpected, rowSecurityIsEnabledAndForced];
    const found: string[] = [];
    for (const check of checks) found.push(...(await check(query)));
    return found;
  });
  expect(problems.sort()).toEqual([
    'agent_notes.agent_id is ON DELETE CASCADE instead of NO ACTION',
    'glossaries.collection_id is ON DELETE CASCADE instead of NO ACTION',
    'mission_events has (created_at) instead of (created_at, updated_at)',
    'mission_events has no audit trigger',
    'mission_events.mission_id is ON DELETE CASCADE instead of NO ACTION',
    'mission_events: touch_updated_at is wrong',
    'work_items.mission_id is ON DELETE CASCADE instead of NO ACTION',
  ]);

  for (const name of created.sort().reverse()) await db.ownerQuery(sql(name, 'down.sql'));
  expect(await catalog()).toBe(before);
});

test('appends the model to the schema of its module, with relations from its tenant and its parent', async () => {
  const { stdout } = await newTable('agents', 'Skill', '--parent', 'Agent', '--log');
  expect(stdout).toContain('schema/agents.prisma\n');
  expect(stdout).toContain('applicationGrants (skills, agents), cascadeReferences');
  const schema = readFileSync(join(folder, 'schema', 'agents.prisma'), 'utf8');
  expect(schema.slice(schema.indexOf('/// A skill of an agent.'))).toBe(`/// A skill of an agent.
model Skill {
  /// The tenant.
  tenantId       String   @default(dbgenerated("app.current_tenant_id()")) @map("tenant_id") @db.Uuid
  /// UUIDv7 generated by the application.
  id             String   @db.Uuid
  /// The agent.
  agentId        String   @map("agent_id") @db.Uuid
  /// Display name, 1 to 200 characters.
  name           String   @db.VarChar(200)
  /// Application data, a JSON object. The server does not interpret it.
  metadata       Json     @default("{}")
  /// Number of the row's last change in its agent.
  changeSequence BigInt   @default(0) @map("change_sequence")
  /// Time of creation.
  createdAt      DateTime @default(now()) @map("created_at") @db.Timestamptz(6)
  /// Time of the last change.
  updatedAt      DateTime @default(now()) @map("updated_at") @db.Timestamptz(6)

  tenant Tenant @relation(fields: [tenantId], references: [id], onDelete: Cascade, onUpdate: NoAction)
  agent  Agent  @relation(fields: [tenantId, agentId], references: [tenantId, id], onDelete: Cascade, onUpdate: NoAction)

  @@id([tenantId, id])
  @@index([tenantId, agentId, createdAt, id])
  @@index([tenantId, agentId, changeSequence])
  @@map("skills")
}
`);
  const agent = schema.slice(schema.indexOf('model Agent {'), schema.indexOf('model AgentVersion {'));
  expect(agent).toMatch(/^ {2}skills +Skill\[\]$/m);
  expect(agent).toMatch(/^ {2}changeSequence BigInt +@default\(0\) @map\("change_sequence"\)\n {2}\/\/\/ Time of creation\.$/m);
  expect(readFileSync(join(folder, 'schema', 'tenancy.prisma'), 'utf8')).toMatch(/^ {2}skills +Skill\[\]$/m);
});

const refusals: [what: string, args: string[], message: string][] = [
  ['nothing', [], 'usage: npm run new:table'],
  ['an unknown option', ['work', 'Step', '--force'], "Unknown option '--force'"],
  ['a name that is no module', ['Work', 'Step'], '"Work" is not a module name in kebab-case'],
  ['a name that is no entity', ['work', 'step'], '"step" is not a singular name in PascalCase'],
  ['a name that is no table', ['work', 'Step', '--table', 'Steps'], '"Steps" is not a table name in snake_case'],
  ['a name too long for what is derived from it', ['work', `T${'a'.repeat(40)}`], 'is longer than 40 characters'],
  ['an existing model', ['work', 'Agent'], 'the Prisma schema already has a model or enum Agent'],
  ['an existing enum', ['work', 'MemberRole'], 'the Prisma schema already has a model or enum MemberRole'],
  ['an existing table', ['work', 'Helper', '--table', 'agents'], 'the Prisma schema already has a table agents'],
  ['an unknown parent', ['work', 'Step', '--parent', 'Nothing'], 'the Prisma schema has no model Nothing'],
  ['a parent without a tenant', ['work', 'Step', '--parent', 'User'], 'User is not a tenant table'],
  ['numbers without a parent', ['work', 'Step', '--log'], '--log requires --parent'],
];

test.each(refusals)('rejects %s and writes nothing', async (_, args, message) => {
  const before = contents();
  const { code, stderr } = await newTable(...args);
  expect(code).toBe(1);
  expect(stderr).toContain(message);
  expect(contents()).toEqual(before);
});
