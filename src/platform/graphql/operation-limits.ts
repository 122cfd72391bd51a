/** The largest operation that one server executes. Part of the context, so that servers of one process can differ. */
export interface OperationLimits {
  /** Price in units of `extensions.cost`. */
  complexity: number;
  /** Levels of nesting. */
  depth: number;
  /** Fields of the whole operation. */
  breadth: number;
}

/** Limits by the defaults of MAX_COMPLEXITY and MAX_DEPTH. */
export const DEFAULT_OPERATION_LIMITS: Readonly<OperationLimits> = { complexity: 20_000, depth: 15, breadth: 2_000 };
