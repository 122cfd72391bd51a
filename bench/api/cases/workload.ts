import { type BenchmarkTenants, byZipf, randomNumbers } from '../fixtures/tenants.ts';
import type { Request } from '../measure/load.ts';
import { type Dialect, FULL, NEW_UUID, OPERATIONS, type OperationName, type Question, type Sizes } from './operations.ts';

/** Of each operation; they are asked in turns. */
const QUESTIONS = 1_500;

export interface WorkItem extends Question {
  /** The place of the asker in the world. */
  person: number;
}

export type Workload = Record<OperationName, WorkItem[]>;

/**
 * What is asked, the same for all servers and in every run: each tenant as often as it is large.
 * @param only asks for so many of the largest tenants alone
 */
export function makeWorkload(world: BenchmarkTenants, options: { only?: number; sizes?: Sizes; count?: number } = {}): Workload {
  const { only = world.length, sizes = FULL, count = QUESTIONS } = options;
  const entries = OPERATIONS.map(({ name }, index) => {
    const random = randomNumbers(index + 1);
    const pick = byZipf(world.slice(0, only), random);
    const one = (): WorkItem => {
      const person = pick();
      const { tenantId, ownerId: userId, long, active } = world[person] as BenchmarkTenants[number];
      const conversations = name === 'append' ? active : long;
      const conversationId = conversations[Math.floor(random() * conversations.length)];
      // Some of the smallest tenants have nothing that takes messages.
      return conversationId ? { person, tenantId, userId, conversationId, sizes } : one();
    };
    return [name, Array.from({ length: count }, one)];
  });
  return Object.fromEntries(entries) as Workload;
}

/** Something that is in every right answer to a question, and in no other. */
function expectationOf(operation: OperationName, { conversationId, tenantId }: Question): string {
  if (operation === 'append') return NEW_UUID;
  if (operation === 'dashboard') return tenantId;
  return operation === 'flat' || operation === 'nested' ? 'createdAt' : conversationId;
}

/** The questions of one operation as requests to one server. */
export function requestsOf(dialect: Dialect, operation: OperationName, asked: WorkItem[], credentials: string[]): Request[] {
  return asked.map((question) => ({
    authorization: `Bearer ${credentials[question.person]}`,
    body: JSON.stringify(dialect.bodyOf(operation, question)),
    expect: expectationOf(operation, question),
  }));
}
