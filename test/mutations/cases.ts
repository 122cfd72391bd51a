import type { Role } from '../../src/platform/auth/permissions.ts';
import type { GraphResult } from '../testkit/graph.ts';
import type { TestTenant } from '../testkit/tenants.ts';

type Input = Record<string, unknown>;

/** The password of everybody in these tests. */
export const PASSWORD = 'correct horse battery';

/** What `prepare` found out, such as a token that is shown once. */
type Prepared = Record<string, string>;

/** What one mutation must show. Every mutation of the schema has an entry, or the matrix fails. */
export interface MutationCase {
  /** The selection of its payload. */
  payload: string;
  /** A role that is refused although the access of the mutation admits it, because the resolver checks more. */
  refused?: Role;
  /** Sent without a credential. */
  anonymous?: boolean;
  prepare?: (tenant: TestTenant, call: (mutation: string, input: Input) => Promise<GraphResult>) => Promise<Prepared>;
  /** An input with which it succeeds, of rows of that tenant. The matrix derives the refusals of its ids from it. */
  success: (tenant: TestTenant, prepared: Prepared) => Input | Promise<Input>;
  /** Another input that is refused with a typed error, besides those with a bad id. */
  badInput?: (tenant: TestTenant, prepared: Prepared) => Input | Promise<Input>;
  /** An input that names a row of another tenant in a way that `success` does not. */
  otherTenant?: (other: TestTenant) => Input | Promise<Input>;
  /** Audit actions that the success leaves. */
  audit: string[];
}

export type MutationCases = Record<string, MutationCase>;
