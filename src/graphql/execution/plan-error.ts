/** A plan cannot be made or does not hold: whoever asked has to do without. */
export class PlanError extends Error {}
