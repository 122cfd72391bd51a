import { QuirkMemory } from '../compatibility/quirks.ts';
import { createProviderClient, type Endpoint } from '../provider-client.ts';
import type { OnUsage } from '../usage.ts';
import type { LanguageModels } from './language-model.ts';
import { createProviderLanguage } from './provider-language-model.ts';
import { STEP_LIMITS, type StepLimits } from './step-limits.ts';

export interface LanguageProviderOptions extends Endpoint {
  /** The name that selects the provider. */
  name: string;
}

/** Durations and limits that tests shorten. */
export interface StepLatencies {
  backoffMs?: number;
  limits?: Partial<StepLimits>;
}

/** The most model names in usage reports, which become metric labels. Tenants choose model names freely. */
const MAX_REPORTED = 100;

/** Throws for an invalid configuration. */
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
  if (connected.size < providers.length) throw new Error('Two model providers have the same name. Give each a unique name.');
  const reported = new Set<string>();
  const quirks = new QuirkMemory();
  return {
    providers: [...connected.keys()],
    resolve(provider, model, scope = '') {
      const found = connected.get(provider);
      if (!found) return undefined;
      const onUsage: OnUsage = (usage) => {
        if (usage.outcome === 'ok' && reported.size < MAX_REPORTED) reported.add(usage.model);
        report(reported.has(usage.model) ? usage : { ...usage, model: `${provider}/other` });
      };
      const { models, kind, apiKey } = found;
      const sdk = (usage: boolean) => models.language(model, usage);
      const options = {
        provider,
        model,
        kind,
        sdk,
        apiKey,
        limits,
        backoffMs,
        quirks: quirks.of(`${scope} ${provider}/${model}`),
      };
      return createProviderLanguage(options, onUsage);
    },
  };
}
