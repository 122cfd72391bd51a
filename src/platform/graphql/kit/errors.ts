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
  description: 'What went wrong, for programs.',
  values: Object.fromEntries(errorCodes.map((code) => [code, {}])),
});

const UserError = builder.interfaceRef<DomainError>('UserError').implement({
  description: 'An error the caller can act on. Nothing was changed.',
  fields: (t) => ({
    message: t.exposeString('message', { description: 'What went wrong, for people.' }),
    code: t.field({
      type: 'ErrorCode' as never,
      description: 'What went wrong, for programs.',
      resolve: (error) => error.code as never,
    }),
    path: t.stringList({
      nullable: true,
      description: 'Where in the arguments the error is, such as `["input", "slug"]`.',
      resolve: (error) => error.inputPath ?? null,
    }),
  }),
});

const ValidationIssue = builder.objectRef<{ path: string[]; message: string }>('ValidationIssue').implement({
  description: 'One broken rule.',
  fields: (t) => ({
    path: t.exposeStringList('path', { description: 'Where in the arguments.' }),
    message: t.exposeString('message', { description: 'Which rule, for people.' }),
  }),
});

builder.objectType(ValidationError, {
  name: 'ValidationError',
  description: 'The input breaks a rule.',
  interfaces: [UserError],
  fields: (t) => ({
    issues: t.field({ type: [ValidationIssue], description: 'Every broken rule.', resolve: ({ issues }) => issues }),
  }),
});

builder.objectType(NotFoundError, {
  name: 'NotFoundError',
  description: 'Something the input refers to does not exist, or belongs to another tenant.',
  interfaces: [UserError],
});

builder.objectType(ConflictError, {
  name: 'ConflictError',
  description: 'Something else already holds what must be unique.',
  interfaces: [UserError],
});

builder.objectType(InvalidStateError, {
  name: 'InvalidStateError',
  description: 'The object is in a state that does not allow this.',
  interfaces: [UserError],
});

builder.objectType(AuthenticationError, {
  name: 'AuthenticationError',
  description: 'The credential is wrong, expired or revoked.',
  interfaces: [UserError],
});

builder.objectType(RateLimitedError, {
  name: 'RateLimitedError',
  description: 'Too many attempts.',
  interfaces: [UserError],
  fields: (t) => ({
    retryAfterSeconds: t.exposeInt('retryAfterSeconds', { description: 'Seconds until the next attempt can succeed.' }),
  }),
});
