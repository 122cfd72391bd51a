import { expect, test } from 'vitest';
import { modules } from '../../../src/modules/index.ts';
import {
  permissionsOf,
  permissionsOfScope,
  registeredPermissions,
  registeredScopes,
  registerPermissions,
  registerScopes,
  roles,
} from '../../../src/platform/auth/permissions.ts';
import { InvalidStateError } from '../../../src/platform/lib/errors.ts';
import { mergeQueues } from '../../../src/platform/module/module-parts.ts';
import { registerSqlStates, toDomainError } from '../../../src/platform/postgres/errors.ts';

const VIEWER = ['agent:read', 'conversation:read', 'knowledge:read', 'mcp:read', 'member:read', 'tenant:read'];
const MEMBER = [
  ...VIEWER,
  'agent:approve',
  'agent:configure',
  'agent:execute',
  'apikey:read',
  'conversation:write',
  'knowledge:configure',
  'knowledge:write',
  'mcp:execute',
];
const ADMIN = [...MEMBER, 'apikey:manage', 'audit:read', 'mcp:configure', 'member:manage', 'tenant:manage'];

const ROLES = { VIEWER, MEMBER, ADMIN, OWNER: ADMIN };

const SCOPES = {
  'tenant:read': ['tenant:read', 'member:read'],
  'agents:read': ['agent:read'],
  'agents:write': ['agent:read', 'agent:configure'],
  'agents:execute': ['agent:read', 'agent:execute', 'conversation:read', 'conversation:write'],
  'agents:approve': ['agent:read', 'agent:approve'],
  'mcp:read': ['mcp:read'],
  'mcp:execute': ['mcp:read', 'mcp:execute'],
  'conversations:read': ['conversation:read'],
  'conversations:write': ['conversation:read', 'conversation:write'],
  'knowledge:read': ['knowledge:read'],
  'knowledge:write': ['knowledge:read', 'knowledge:write'],
  'audit:read': ['audit:read'],
  'apikeys:read': ['apikey:read'],
};

test('each role has exactly these permissions', () => {
  for (const role of roles) expect([...permissionsOf(role)].sort(), role).toEqual(ROLES[role].toSorted());
  expect(registeredPermissions().toSorted()).toEqual(ADMIN.toSorted());
});

test('each scope allows exactly these permissions', () => {
  expect(Object.fromEntries(registeredScopes().map((scope) => [scope, permissionsOfScope(scope)]))).toEqual(SCOPES);
});

test('permissionsOf ignores a permission that is not registered', () => {
  for (const role of roles) {
    expect([...permissionsOf(role, ['project:read', '*', '', 'toString'])], role).toEqual([...permissionsOf(role)]);
  }
});

test('a scope that is not registered allows nothing', () => {
  for (const scope of ['projects:read', '*', '', 'toString', '__proto__']) expect(permissionsOfScope(scope)).toEqual([]);
});

test('permissionsOf drops write permissions granted to a VIEWER', () => {
  expect(permissionsOf('VIEWER', ['audit:read', 'tenant:manage'])).toEqual(new Set([...permissionsOf('VIEWER'), 'audit:read']));
});

test('a name that is already registered throws and changes nothing', () => {
  const twice = { 'tenant:read': 'VIEWER', 'tenant:manage': 'VIEWER' } as const;
  expect(() => registerPermissions(twice)).toThrow('the permission tenant:read is registered twice');
  expect(permissionsOf('VIEWER').has('tenant:manage')).toBe(false);
  expect(() => registerScopes({ 'agents:read': ['agent:configure'] })).toThrow('the scope agents:read is registered twice');
  expect(permissionsOfScope('agents:read')).toEqual(['agent:read']);
  expect(() => registerSqlStates({ AB002: () => new InvalidStateError('Another.') })).toThrow('AB002 is already registered');
  expect(() => mergeQueues([...modules, ...modules])).toThrow(/the queue \S+ is declared twice/);
});

test('modules cannot register SQLSTATEs of PostgreSQL', () => {
  expect(() => registerSqlStates({ '42501': () => new InvalidStateError('Allowed.') })).toThrow(
    "42501 is outside the application's range",
  );
});

test('each registered SQLSTATE is mapped to its error', () => {
  const messageOf = (code: string) => (toDomainError(Object.assign(new Error('raised'), { code })) as Error).message;
  expect(messageOf('AB001')).toBe('The conversation has ended and accepts no messages.');
  expect(messageOf('AB002')).toBe('A tenant needs at least one active owner.');
  expect(messageOf('AB003')).toBe('The run or tool call has already ended.');
  expect(messageOf('AB999')).toBe('raised');
});

test('mergeQueues throws for an undeclared dead-letter queue', () => {
  const orphan = { ...modules[0], queues: { 'run.execute': { deadLetter: 'nowhere' } } };
  expect(() => mergeQueues([orphan])).toThrow('the queue run.execute refers to nowhere, which no module declares');
});
