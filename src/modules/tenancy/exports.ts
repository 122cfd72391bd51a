/** The API of this module for other modules. */
export { isPlatformAdmin } from './accounts/platform-admins.ts';
export { User } from './accounts/user.ts';
