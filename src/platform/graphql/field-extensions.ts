/** What fields declare about their resolvers in `extensions`. */
export interface FieldExtensions {
  /**
   * For a field of Query or Subscription: whether executing it twice only reads twice. An operation with any other root field has no plan,
   * because the executor starts over when a plan fails. For a subscription, this concerns the execution of one event. Nested fields are
   * replayable unless they declare `false`.
   */
  replayable?: boolean;
  /** The properties of a row that the resolver reads. */
  dependsOn?: readonly string[];
}

/** For the `extensions` of a root field that only reads rows of this database. */
export const replayable: { readonly [key: string]: unknown; readonly replayable: true } = { replayable: true };
