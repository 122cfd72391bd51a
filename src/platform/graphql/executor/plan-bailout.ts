/** A plan cannot be made or does not hold: whoever asked has to do without. */
export class PlanBailout extends Error {}
