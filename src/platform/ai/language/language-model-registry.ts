import { createProviderClient, type Endpoint } from '../provider-client.ts';
import type { OnUsage } from '../usage.ts';
import type { LanguageModels } from './language-model.ts';
import { createProviderLanguage } from './provider-language-model.ts';
import { STEP_LIMITS, type StepLimits } from './step-limits.ts';

export interface LanguageProviderOptions extends Endpoint {
  /** What agents call it. */
  name: string;
}

/** What tests make shorter. */
export interface StepLatencies {
  backoffMs?: number;
  limits?: Partial<StepLimits>;
}

/** Models that are told apart in what is reported. Tenants name models as they like. */
const MAX_REPORTED = 100;

/** Throws where the configuration cannot work. */
export function createLanguageModels(
  providers: readonly LanguageProviderOptions[],
  report: OnUsage,
  { backoffMs, limits: given }: StepLatencies = {},
): LanguageModels {
  const limits = { ...STEP_LIMITS, ...given };
  const connected = new Map(
    providers.map(({ name, ...endpoint }) => [
      name,
      { ...endpoint, models: createProviderClient(endpoint, limits.maxAnswerBytes) },
    ]),
  );
  if (connected.size < providers.length) throw new Error('Two model providers have the same name.');
  const reported = new Set<string>();
  return {
    providers: [...connected.keys()],
    resolve(provider, model) {
      const found = connected.get(provider);
      if (!found) return undefined;
      const onUsage: OnUsage = (usage) => {
        if (usage.outcome === 'ok' && reported.size < MAX_REPORTED) reported.add(usage.model);
        report(reported.has(usage.model) ? usage : { ...usage, model: `${provider}/other` });
      };
      const options = { provider, model, sdk: found.models.language(model), apiKey: found.apiKey, limits, backoffMs };
      return createProviderLanguage(options, onUsage);
    },
  };
}
