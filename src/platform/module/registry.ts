/**
 * The names that modules add to the platform's types, by declaration merging: the platform checks every use of such a name and states
 * none of them. At run time `defineModule` registers the same names.
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

/** Services of modules, one of each in a process. */
// biome-ignore lint/suspicious/noEmptyInterface: the modules declare its members
export interface ModuleServices {}
