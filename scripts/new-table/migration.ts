import { listIndexes } from './model.ts';
import { snakeCase, type TablePlan, words } from './plan.ts';

/** Returns the name that Prisma gives to an index or constraint. The drift check compares names. */
function objectName(table: string, columns: string[], kind: string): string {
  return `${[table, ...columns].join('_').slice(0, 62 - kind.length)}_${kind}`;
}

export function migrationSql(plan: TablePlan): string {
  const { entity, table, parent, appendOnly } = plan;
  const parentId = parent && `${snakeCase(parent.model)}_id`;
  const json = appendOnly ? 'payload' : 'metadata';
  const columns = [
    'tenant_id uuid NOT NULL',
    'id uuid NOT NULL',
    ...(parentId ? [`${parentId} uuid NOT NULL`] : []),
    ...(appendOnly ? [] : ['name varchar(200) NOT NULL']),
    `${json} jsonb NOT NULL DEFAULT '{}'`,
    'created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP',
    ...(appendOnly ? [] : ['updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP']),
    `CONSTRAINT ${table}_pkey PRIMARY KEY (tenant_id, id)`,
  ];
  const checks = [
    ...(appendOnly ? [] : [`ADD CONSTRAINT ${table}_name_check CHECK (length(btrim(name)) > 0)`]),
    `ADD CONSTRAINT ${table}_${json}_check CHECK (jsonb_typeof(${json}) = 'object')`,
  ];
  const parts = [
    `-- The table of ${words(entity)} rows: ${parent ? `each is a part of its ${words(parent.model)} and is deleted with it.` : 'each belongs to its tenant alone.'}`,
    `CREATE TABLE ${table} (\n  ${columns.join(',\n  ')}\n);`,
    [
      ...listIndexes(plan).map((fields) => `CREATE INDEX ${objectName(table, fields, 'idx')} ON ${table}(${fields.join(', ')});`),
      ...(parent && parentId
        ? [
            `ALTER TABLE ${table} ADD CONSTRAINT ${objectName(table, ['tenant_id', parentId], 'fkey')} FOREIGN KEY (tenant_id, ${parentId}) REFERENCES ${parent.table}(tenant_id, id) ON DELETE CASCADE;`,
          ]
        : []),
      `ALTER TABLE ${table}\n  ${checks.join(',\n  ')};`,
    ].join('\n'),
    [...numbers(plan), tenantTable(plan)].join('\n'),
    grants(plan),
  ];
  return `${parts.join('\n\n')}\n`;
}

function numbers({ table, parent, log, appendOnly }: TablePlan): string[] {
  if (!parent || !log) return [];
  return appendOnly
    ? [
        `-- Numbers rows without gaps, so that a subscription resumes after the last row that it delivered.`,
        `SELECT app.number_log('${table}', '${parent.table}');`,
      ]
    : [
        `-- Numbers changes, so that a subscription reads the rows that changed after a number.`,
        `SELECT app.number_changes('${table}', '${parent.table}');`,
      ];
}

function tenantTable({ entity, table, appendOnly }: TablePlan): string {
  return appendOnly
    ? `-- Not audited, because rows never change and the table is a log itself.\nSELECT app.tenant_table('${table}', NULL, touch => false);`
    : `SELECT app.tenant_table('${table}', '${snakeCase(entity)}');`;
}

function grants({ table, parent, log, appendOnly }: TablePlan): string {
  const number = appendOnly ? 'last_event_sequence' : 'change_sequence';
  return [
    ...(appendOnly
      ? ['-- Rows never change: no UPDATE, no DELETE.', `GRANT SELECT, INSERT ON ${table} TO agentbase_app;`]
      : [
          '-- The columns that mutations change. A mutation that deletes rows needs a grant of DELETE in its migration.',
          `GRANT SELECT, INSERT ON ${table} TO agentbase_app;`,
          `GRANT UPDATE (name, metadata, updated_at) ON ${table} TO agentbase_app;`,
        ]),
    ...(parent && log && !parent.numbered
      ? [
          '-- The numbering trigger runs with the privileges of the writer.',
          `GRANT UPDATE (${number}) ON ${parent.table} TO agentbase_app;`,
        ]
      : []),
  ].join('\n');
}

export function downSql({ table, parent, log, appendOnly }: TablePlan): string {
  const functions = appendOnly ? `app.number_${table}()` : `app.number_${table}_change(), app.number_${table}_deletion()`;
  return `${[
    `DROP TABLE ${table};`,
    ...(log ? [`DROP FUNCTION ${functions};`] : []),
    ...(parent && log && !parent.numbered
      ? [`SELECT app.drop_last_number('${parent.table}', '${appendOnly ? 'last_event_sequence' : 'change_sequence'}');`]
      : []),
  ].join('\n')}\n`;
}
