import type { Permission } from '../auth/permissions.ts';
import type { Viewer } from '../auth/viewer.ts';

/** The rule of every scope. The builder and the plan executor both use these rules and no others. */
export const scopeRules = {
  /** The request has a valid credential. */
  authenticated: (viewer: Viewer | null): viewer is Viewer => viewer !== null,
  /** A person signed in, not an API key. */
  person: (viewer: Viewer | null): boolean => viewer !== null && viewer.apiKeyId === undefined,
  permission: (viewer: Viewer | null, permission: Permission): boolean => viewer?.permissions.has(permission) ?? false,
};

export interface ViewerScopes {
  authenticated: boolean;
  person: boolean;
  permission: (permission: Permission) => boolean;
}

/** What one viewer may access, in the form of the scope-auth plugin. */
export function scopesOf(viewer: Viewer | null): ViewerScopes {
  return {
    authenticated: scopeRules.authenticated(viewer),
    person: scopeRules.person(viewer),
    permission: (permission) => scopeRules.permission(viewer, permission),
  };
}
