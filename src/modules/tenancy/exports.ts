/** What other modules may use of tenancy. */
export { isPlatformAdmin } from './read.ts';
export { loadUser, User } from './schema/user.ts';
