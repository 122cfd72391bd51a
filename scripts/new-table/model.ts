import { camelCase, snakeCase, type TablePlan, words } from './plan.ts';
import { alignFields } from './prisma-folder.ts';

const TENANT = [
  '  /// The tenant.',
  '  tenantId String @default(dbgenerated("app.current_tenant_id()")) @map("tenant_id") @db.Uuid',
  '  /// UUIDv7 that the application generates.',
  '  id String @db.Uuid',
];
const CREATED_AT = [
  '  /// When the row was created.',
  '  createdAt DateTime @default(now()) @map("created_at") @db.Timestamptz(6)',
];
const UPDATED_AT = [
  '  /// When the row last changed.',
  '  updatedAt DateTime @default(now()) @map("updated_at") @db.Timestamptz(6)',
];

/** The Prisma model of the table, with its comment. */
export function modelText(plan: TablePlan): string {
  const { entity, table, parent, log, appendOnly } = plan;
  const parentField = parent && camelCase(parent.model);
  const columns = [
    ...TENANT,
    ...(parent && parentField
      ? [`  /// The ${words(parent.model)}.`, `  ${parentField}Id String @map("${snakeCase(parent.model)}_id") @db.Uuid`]
      : []),
    ...(appendOnly ? logColumns(plan) : entityColumns(plan)),
    ...CREATED_AT,
    ...(appendOnly ? [] : UPDATED_AT),
  ].join('\n');
  const relations = [
    '  tenant Tenant @relation(fields: [tenantId], references: [id], onDelete: Cascade, onUpdate: NoAction)',
    ...(parent && parentField
      ? [
          `  ${parentField} ${parent.model} @relation(fields: [tenantId, ${parentField}Id], references: [tenantId, id], onDelete: Cascade, onUpdate: NoAction)`,
        ]
      : []),
  ].join('\n');
  const keys = [
    '  @@id([tenantId, id])',
    ...(parentField && log && appendOnly ? [`  @@unique([tenantId, ${parentField}Id, sequence])`] : []),
    ...listIndexes(plan).map((fields) => `  @@index([${fields.map(camelCase).join(', ')}])`),
    ...(parentField && log && !appendOnly ? [`  @@index([tenantId, ${parentField}Id, changeSequence])`] : []),
    `  @@map("${table}")`,
  ].join('\n');
  const owner = parent ? withArticle(words(parent.model)) : 'the tenant';
  const comment = `${sentence(withArticle(words(entity)))} of ${owner}.${appendOnly ? ' Never changes.' : ''}`;
  return `/// ${comment}\nmodel ${entity} {\n${alignFields(columns)}\n\n${alignFields(relations)}\n\n${keys}\n}\n`;
}

function withArticle(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

/** What the lists of the API are ordered by: the columns of an index, in snake_case. */
export function listIndexes({ parent, log, appendOnly }: TablePlan): string[][] {
  const scope = parent ? ['tenant_id', `${snakeCase(parent.model)}_id`] : ['tenant_id'];
  if (!appendOnly) return [[...scope, 'created_at', 'id']];
  // The primary key, and the index of the numbers, serve these.
  return parent && !log ? [[...scope, 'id']] : [];
}

function entityColumns({ parent, log }: TablePlan): string[] {
  return [
    '  /// Display name, 1 to 200 characters.',
    '  name String @db.VarChar(200)',
    '  /// Free data of the caller, a JSON object.',
    '  metadata Json @default("{}")',
    ...(parent && log
      ? [
          `  /// Number of the row's last change in its ${words(parent.model)}. Maintained by the database.`,
          '  changeSequence BigInt @default(0) @map("change_sequence")',
        ]
      : []),
  ];
}

function logColumns({ parent, log }: TablePlan): string[] {
  return [
    ...(parent && log
      ? [
          `  /// 1, 2, 3 … in the ${words(parent.model)}, without gaps, in the order of commits. Given by the database.`,
          '  sequence Int',
        ]
      : []),
    '  /// Details, a JSON object.',
    '  payload Json @default("{}")',
  ];
}

/** What the parent's model gets: the column of last numbers. */
export function parentColumns({ entity, parent, log, appendOnly }: TablePlan): string[] {
  if (!parent || !log || parent.numbered) return [];
  return appendOnly
    ? [
        `  /// Number of the last ${words(entity)}. Maintained by the database.`,
        '  lastEventSequence Int @default(0) @map("last_event_sequence")',
      ]
    : [
        `  /// Number of the last change of ${withArticle(words(entity))}. Maintained by the database.`,
        '  changeSequence BigInt @default(0) @map("change_sequence")',
      ];
}
