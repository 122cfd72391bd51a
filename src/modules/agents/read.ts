import type { Prisma } from '../../db/prisma.ts';
import type { Agent } from '../../generated/prisma/client.ts';
import { NotFoundError } from '../../lib/errors.ts';

/** Throws NotFoundError. */
export async function requireAgent(prisma: Prisma, id: string, path: string[]): Promise<Agent> {
  const agent = await prisma.agent.findFirst({ where: { id } });
  if (!agent) throw new NotFoundError('The agent', { path });
  return agent;
}
