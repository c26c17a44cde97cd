import { type Reference, TYPOLOGY_KEYS } from './rule.ts';
import type { RuleContent, TypologyContent } from './rule-set.ts';
import { REFERENCE_KEY, RELEASED } from './rule-set.ts';
import { RULE_TABLE } from './rule-table.ts';

const HEAD = `# Monitoring rules

Written by \`bun run openapi\` from the rules themselves; do not edit.

Every deposit that is credited and every withdrawal that is asked for is held against these rules in its own
transaction; payees, transfers between own accounts, orders and trades are read every minute. A rule measures how
much of what it looks for is there; bands make points of the measure. The points of a typology are the strongest hit
of each of its rules within its window (of a rule whose hits each count, all of them), without what is snoozed for the
customer and without what went into an alert that is closed. From *alert* on compliance is told; from *hold* on a
withdrawal waits for two people and the MLRO, and the customer's gate is shut until two people closed the alert; where
a deposit reaches it, the gate is shut with the credit itself.

The country of a deposit is that of the payer's IBAN, or of their bank where the account has none; coins, and money of
which the bank says neither, have no country. Conversions are not watched: they change what a customer holds, and move
nothing to anybody. A simulation replays 25,000 activities at most; one that was cut, is older than seven days, or
saw nothing of what the rule looks at although there is some, puts nothing into force. Where nothing of the kind was ever
seen, the approval says so (\`isHistoryEmpty\`).

Amounts are measured in basis points of a reference amount of their asset, so that several assets add up. An asset
without a reference amount counts as a whole one each time. A rule that fails counts as what an alert needs.

The figures below are what the program comes with. They are settings, not law: a firm sets its own by drafting a
version, simulating it over what customers did and having another person agree (\`/v1/aml/rules\`).
`;

/** The page on the rules, as the program comes with them. */
export function rulesPage(): string {
  return `${HEAD}\n${typologies()}\n${reference()}\n## Rules\n\n${RULE_TABLE.map(section).join('\n')}`;
}

function typologies(): string {
  const rows = TYPOLOGY_KEYS.map((key) => {
    const { alertAt, holdAt, windowDays } = RELEASED.get(`typology.${key}`) as TypologyContent;
    return `| \`typology.${key}\` | ${alertAt} | ${holdAt ?? 'never'} | ${windowDays} |\n`;
  });
  return `## Typologies\n\n| key | alert from | hold from | window in days |\n|---|---|---|---|\n${rows.join('')}`;
}

function reference(): string {
  const { amounts, highRiskCountries } = RELEASED.get(REFERENCE_KEY) as Reference;
  const rows = Object.entries(amounts).map(([asset, amount]) => `| ${asset} | ${amount} |\n`);
  return `## Reference amounts (\`${REFERENCE_KEY}\`)

| asset | amount |
|---|---|
${rows.join('')}
Countries of high risk: ${highRiskCountries.join(', ')}. Unconfirmed: put the list your supervisor names here.
`;
}

function section({ key, looksFor, measures, kinds }: (typeof RULE_TABLE)[number]): string {
  const content = RELEASED.get(key) as RuleContent;
  const parameters = Object.entries(content.parameters).map(([name, value]) => `${name} ${value}`);
  const bands = content.bands.map(({ atLeast, points }) => `| ${atLeast} | ${points} |\n`);
  return `### \`${key}\`

${looksFor}. Looks at: ${kinds.join(', ')}. Typology: ${content.typology}.${content.addsEach ? ' Each hit counts.' : ''}

Parameters: ${parameters.length === 0 ? 'none' : parameters.join(', ')}.

| ${measures}, from | points |
|---|---|
${bands.join('')}`;
}
