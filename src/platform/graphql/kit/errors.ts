import {
  AuthenticationError,
  ConflictError,
  type DomainError,
  errorCodes,
  InvalidStateError,
  NotFoundError,
  RateLimitedError,
  ValidationError,
} from '../../lib/errors.ts';
import { builder } from './builder.ts';

builder.enumType('ErrorCode', {
  description: 'Machine-readable error code.',
  values: Object.fromEntries(errorCodes.map((code) => [code, {}])),
});

const UserError = builder.interfaceRef<DomainError>('UserError').implement({
  description: 'An error that the client can act on. The mutation changed nothing.',
  fields: (t) => ({
    message: t.exposeString('message', { description: 'Human-readable message.' }),
    code: t.field({
      type: 'ErrorCode' as never,
      description: 'Machine-readable error code.',
      resolve: (error) => error.code as never,
    }),
    path: t.stringList({
      nullable: true,
      description: 'Path of the argument that caused the error, such as `["input", "slug"]`.',
      resolve: (error) => error.inputPath ?? null,
    }),
  }),
});

const ValidationIssue = builder.objectRef<{ path: string[]; message: string }>('ValidationIssue').implement({
  description: 'A rule that the input breaks.',
  fields: (t) => ({
    path: t.exposeStringList('path', { description: 'Path of the argument, such as `["input", "slug"]`.' }),
    message: t.exposeString('message', { description: 'Human-readable message.' }),
  }),
});

builder.objectType(ValidationError, {
  name: 'ValidationError',
  description: 'The input breaks validation rules.',
  interfaces: [UserError],
  fields: (t) => ({
    issues: t.field({
      type: [ValidationIssue],
      description: 'All rules that the input breaks.',
      resolve: ({ issues }) => issues,
    }),
  }),
});

builder.objectType(NotFoundError, {
  name: 'NotFoundError',
  description: 'An object that the input refers to does not exist or belongs to another tenant.',
  interfaces: [UserError],
});

builder.objectType(ConflictError, {
  name: 'ConflictError',
  description: 'Another object already has a value that must be unique.',
  interfaces: [UserError],
});

builder.objectType(InvalidStateError, {
  name: 'InvalidStateError',
  description: 'The state of the object does not allow the change.',
  interfaces: [UserError],
});

builder.objectType(AuthenticationError, {
  name: 'AuthenticationError',
  description: 'The credential is wrong, expired or revoked.',
  interfaces: [UserError],
});

builder.objectType(RateLimitedError, {
  name: 'RateLimitedError',
  description: 'Too many attempts in a short time.',
  interfaces: [UserError],
  fields: (t) => ({
    retryAfterSeconds: t.exposeInt('retryAfterSeconds', { description: 'Seconds until the next attempt can succeed.' }),
  }),
});
