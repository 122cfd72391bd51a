import type { Prisma } from '../../db/prisma.ts';
import type { Agent } from '../../generated/prisma/client.ts';
import { requireFound } from '../../lib/require-found.ts';

/** Throws NotFoundError. */
export async function requireAgent(prisma: Prisma, id: string, path: string[]): Promise<Agent> {
  return requireFound(prisma.agent.findFirst({ where: { id } }), 'The agent', path);
}
