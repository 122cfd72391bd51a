import { HOSTED } from './hosted.ts';
import { LOCAL } from './local.ts';
import type { ModelProfile } from './profile.ts';
import { VENDORS } from './vendors.ts';

export type { ModelProfile } from './profile.ts';

/** Scripted models that behave like known servers. */
export const PROFILES: ModelProfile[] = [...HOSTED, ...LOCAL, ...VENDORS];
