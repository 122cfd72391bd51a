/** The API of this module for other modules. */
export { isPlatformAdmin } from './accounts/platform-admins.ts';
export { loadUser, User } from './accounts/user.ts';
