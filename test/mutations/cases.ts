import type { Role } from '../../src/auth/permissions.ts';
import type { Answer } from '../testkit/graph.ts';
import type { PopulatedTenant } from '../testkit/tenants.ts';

type Input = Record<string, unknown>;

/** The password of everybody in these tests. */
export const PASSWORD = 'correct horse battery';

/** What `prepare` found out, such as a token that is shown once. */
type Prepared = Record<string, string>;

/** What one mutation must show. Every mutation of the schema has an entry, or the matrix fails. */
export interface MutationCase {
  /** The selection of its payload. */
  payload: string;
  /** The highest role that may not do it; `anonymous` where any member may; undefined where anyone may, signed in or not. */
  refused: Role | 'anonymous' | undefined;
  /** Sent without a credential. */
  anonymous?: boolean;
  prepare?: (tenant: PopulatedTenant, call: (mutation: string, input: Input) => Promise<Answer>) => Promise<Prepared>;
  success: (tenant: PopulatedTenant, prepared: Prepared) => Input;
  badInput: (tenant: PopulatedTenant, prepared: Prepared) => Input;
  /** An input that names what another tenant owns. Undefined where the input names nothing that anybody owns. */
  otherTenant: ((other: PopulatedTenant) => Input) | undefined;
  /** Audit actions that the success leaves. */
  audit: string[];
}

export type MutationCases = Record<string, MutationCase>;
