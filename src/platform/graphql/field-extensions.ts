/** The `extensions` that fields of this schema declare about their resolvers. */
export interface FieldExtensions {
  /**
   * Of a field of Query or Subscription: whether executing it twice has no other effect than reading twice. Operations with another field
   * are never executed from a plan, because a plan that fails starts over; of a subscription that is the execution of one event. Nested fields are replayable unless they declare `false`.
   */
  replayable?: boolean;
  /** The properties of a row that the resolver reads. */
  reads?: readonly string[];
}

/** For the `extensions` of a root field that only reads rows of this database. */
export const replayable: { readonly [key: string]: unknown; readonly replayable: true } = { replayable: true };
