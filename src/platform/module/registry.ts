/**
 * Interfaces to which modules add their names by declaration merging. The compiler checks each use of a name, and the platform contains
 * none. At run time `defineModule` registers the same names.
 */

/** Permissions, as `subject:verb`. */
// biome-ignore lint/suspicious/noEmptyInterface: the modules declare its members
export interface PermissionRegistry {}

/** Scopes of API keys. */
// biome-ignore lint/suspicious/noEmptyInterface: the modules declare its members
export interface ScopeRegistry {}

/** Job queues. */
// biome-ignore lint/suspicious/noEmptyInterface: the modules declare its members
export interface QueueRegistry {}

/** Services of modules, one instance per process. */
// biome-ignore lint/suspicious/noEmptyInterface: the modules declare its members
export interface ModuleServices {}
