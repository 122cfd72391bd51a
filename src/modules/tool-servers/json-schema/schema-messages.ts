export type JsonSchema = Record<string, unknown>;

/** A violation of a schema. */
export interface SchemaIssue {
  path: string[];
  message: string;
}

/** Message to a thread. */
export interface SchemaTask {
  schema: JsonSchema;
  /** Without one, the schema is compiled only. */
  value?: { json: unknown };
}

/** Message from a thread, one for each task. */
export interface SchemaAnswer {
  /** The first violation, if any. */
  issues: SchemaIssue[];
  /** Why the schema cannot be compiled or evaluated: a clause without a period. */
  unusable: string | undefined;
  /** CPU time of the task, in milliseconds. */
  cpuMs: number;
}
