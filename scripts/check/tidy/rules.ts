import type { Repository } from '../repository.ts';
import { anatomyRules } from './anatomy.ts';
import { citationRules } from './citations.ts';
import { exportRules } from './exports.ts';
import { gateRules } from './gates.ts';
import { languageRules } from './language.ts';
import { nameRules } from './names.ts';
import type { Rule } from './rule.ts';
import { sizeRules } from './sizes.ts';

/** Every rule of the house that no other tool knows. */
export const tidyRules: readonly Rule[] = [
  ...nameRules,
  ...sizeRules,
  ...exportRules,
  ...languageRules,
  ...anatomyRules,
  ...citationRules,
  ...gateRules,
];

/** What the rules find, each line with the rule it breaks. */
export function tidyFaults(repository: Repository, rules: readonly Rule[] = tidyRules): string[] {
  return rules.flatMap((rule) => rule.find(repository).map((fault) => `${fault} [${rule.name}]`));
}
