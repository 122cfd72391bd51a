import type { Role } from '../../src/platform/auth/permissions.ts';
import type { GraphResult } from '../testkit/graph.ts';
import type { TestTenant } from '../testkit/tenants.ts';

type Input = Record<string, unknown>;

/** The password of all users in these tests. */
export const PASSWORD = 'correct horse battery';

/** The result of `prepare`, such as a token that is shown once. */
type Prepared = Record<string, string>;

/** The cases of one mutation. The matrix fails if a mutation of the schema has none. */
export interface MutationCase {
  /** The selection on its payload. */
  payload: string;
  /** A role that is refused although the access of the mutation admits it, because the resolver checks more. */
  refused?: Role;
  /** Sent without a credential. */
  anonymous?: boolean;
  prepare?: (tenant: TestTenant, call: (mutation: string, input: Input) => Promise<GraphResult>) => Promise<Prepared>;
  /** An input with which it succeeds, with rows of the given tenant. The matrix derives the cases with invalid ids from it. */
  success: (tenant: TestTenant, prepared: Prepared) => Input | Promise<Input>;
  /** Another input that is refused with a typed error, besides those with a bad id. */
  badInput?: (tenant: TestTenant, prepared: Prepared) => Input | Promise<Input>;
  /** An input that names a row of another tenant in a way that `success` does not. */
  otherTenant?: (other: TestTenant) => Input | Promise<Input>;
  /** Whether the objects of the mutation belong to no tenant, so that every tenant names the same ones. */
  isGlobal?: boolean;
  /** The audit actions of a success. */
  audit: string[];
}

export type MutationCases = Record<string, MutationCase>;
