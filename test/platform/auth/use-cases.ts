/** The use cases with a preparation, as one call each: preparation and transaction, as the mutations run them. */

import { comparePassword } from '../../../src/modules/tenancy/accounts/credentials.ts';
import * as profile from '../../../src/modules/tenancy/accounts/profile.ts';
import * as invitations from '../../../src/modules/tenancy/members/accept-invitation.ts';
import type { TenancyServices } from '../../../src/modules/tenancy/services.ts';
import * as sessions from '../../../src/modules/tenancy/sessions/sessions.ts';
import * as accounts from '../../../src/modules/tenancy/sessions/sign-up.ts';
import type { Viewer } from '../../../src/platform/auth/viewer.ts';

type Credentials = { email: string; password: string; tenant?: string | undefined };

export const signUp = async (services: TenancyServices, input: accounts.SignUpInput) =>
  accounts.signUp(services, input, await accounts.prepareSignUp(services, input));

export const signIn = async (services: TenancyServices, { tenant, ...input }: Credentials) =>
  sessions.signIn(services, await comparePassword(services, input), tenant);

export const acceptInvitation = async (
  services: TenancyServices,
  viewer: Viewer | null,
  input: invitations.AcceptInput & { password?: string | undefined },
) => invitations.acceptInvitation(services, input, await invitations.prepareAcceptance(services, viewer, input));

export const changePassword = async (services: TenancyServices, viewer: Viewer, input: profile.PasswordChange) =>
  profile.changePassword(services, viewer, input, await profile.preparePasswordChange(services, viewer, input));

export const linkIdentity = async (services: TenancyServices, viewer: Viewer, idToken: string) =>
  profile.linkIdentity(services, viewer, await profile.verifyIdentity(services, idToken));
