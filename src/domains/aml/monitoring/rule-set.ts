/**
 * What is in force: each rule with its parameters and bands, what each typology needs for an alert and for money
 * to wait, and what counts as large. What the program came with stands wherever people have not decided on
 * another version. Pure.
 */
import { z } from '@hono/zod-openapi';
import { canonicalJson, type Json } from '../../../kernel/canonical-json.ts';
import type { ActivityKind } from '../../../platform/activity.ts';
import { sha256 } from '../../../platform/crypto/keyring.ts';
import { type Reference, type RuleDefinition, TYPOLOGY_KEYS, type TypologyKey } from './rule.ts';
import { RULE_TABLE } from './rule-table.ts';

const Band = z.strictObject({
  atLeast: z.number().int().min(0).max(1_000_000_000),
  points: z.number().int().min(0).max(1_000),
});

const RuleContent = z.strictObject({
  isEnabled: z.boolean(),
  typology: z.enum(TYPOLOGY_KEYS),
  parameters: z.record(z.string(), z.number().int()),
  bands: z
    .array(Band)
    .min(1)
    .max(8)
    .refine(
      (bands) => bands.every((band, place) => place === 0 || band.atLeast > (bands[place - 1]?.atLeast ?? 0)),
      'bands begin one above the other',
    ),
  addsEach: z.boolean(),
});

const TypologyContent = z.strictObject({
  /** @units points */
  alertAt: z.number().int().min(1).max(10_000),
  /** From here on money waits for people; null where it never does. */
  holdAt: z.union([z.number().int().min(1).max(10_000), z.null()]),
  windowDays: z.number().int().min(1).max(365),
});

const ReferenceContent = z.strictObject({
  amounts: z
    .record(z.string().regex(/^[A-Z0-9._-]{1,16}$/), z.string().regex(/^(0|[1-9]\d{0,11})(\.\d{1,8})?$/))
    .refine(
      (amounts) => Object.values(amounts).every((amount) => /[1-9]/.test(amount)),
      'an amount is greater than zero',
    ),
  highRiskCountries: z.array(z.string().regex(/^[A-Z]{2}$/)).max(250),
});

export type RuleContent = z.infer<typeof RuleContent>;
export type TypologyContent = z.infer<typeof TypologyContent>;

/** What names the row that says what is large. */
export const REFERENCE_KEY = 'reference';

const TYPOLOGY_PREFIX = 'typology.';

export type ActiveRule = {
  readonly definition: RuleDefinition;
  readonly content: RuleContent;
  /** 0 where no version was stored. */
  readonly version: number;
  readonly contentHash: string;
};

export type RuleSet = {
  readonly rules: readonly ActiveRule[];
  readonly typologies: Readonly<Record<TypologyKey, TypologyContent>>;
  readonly reference: Reference;
};

/** What the program comes with, by key. */
export const RELEASED: ReadonlyMap<string, { readonly [key: string]: Json }> = new Map<
  string,
  { readonly [key: string]: Json }
>([
  ...RULE_TABLE.map(({ key, released }) => [key, { isEnabled: true, ...released }] as const),
  ...Object.entries({
    structuring: { alertAt: 40, holdAt: 60, windowDays: 30 },
    pass_through: { alertAt: 40, holdAt: 70, windowDays: 30 },
    networks: { alertAt: 40, holdAt: 60, windowDays: 90 },
    market_abuse: { alertAt: 40, holdAt: null, windowDays: 30 },
  }).map(([key, content]) => [`${TYPOLOGY_PREFIX}${key}`, content] as const),
  [
    REFERENCE_KEY,
    {
      amounts: {
        MUR: '500000',
        USD: '10000',
        EUR: '10000',
        GBP: '8500',
        ZAR: '180000',
        INR: '850000',
        BTC: '0.15',
        ETH: '4',
        USDT: '10000',
        USDC: '10000',
      },
      highRiskCountries: ['IR', 'KP', 'MM'],
    },
  ],
]);

/** What is wrong with a content, in words; null where nothing is, `unknown` for a key there is none of. */
export function faultOf(key: string, content: unknown): string | null {
  const schema = schemaOf(key);
  if (schema === undefined) {
    return 'unknown';
  }
  const read = schema.safeParse(content);
  if (!read.success) {
    return read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  }
  const definition = RULE_TABLE.find((rule) => rule.key === key);
  if (definition === undefined) {
    return null;
  }
  const given = definition.parameters.safeParse((content as RuleContent).parameters);
  return given.success
    ? null
    : given.error.issues.map(({ path, message }) => `parameters.${path.join('.')}: ${message}`).join('; ');
}

/** What a version is known by. @units lowercase hex SHA-256 */
export function contentHashOf(content: Json): string {
  return Buffer.from(sha256(canonicalJson(content))).toString('hex');
}

/** A version that counts. */
type StoredContent = {
  readonly key: string;
  readonly version: number;
  readonly content: { readonly [key: string]: Json };
  readonly contentHash: string;
};

/** Makes a set of what is stored; what is not, or no longer fits the program, is as it was released. */
export function ruleSetOf(stored: readonly StoredContent[]): RuleSet {
  const fitting = new Map(
    stored.filter(({ key, content }) => faultOf(key, content) === null).map((row) => [row.key, row]),
  );
  const contentOf = (key: string) => fitting.get(key)?.content ?? RELEASED.get(key);
  const typologyOf = (key: TypologyKey) => contentOf(`${TYPOLOGY_PREFIX}${key}`) as TypologyContent;
  return {
    rules: RULE_TABLE.map((definition) => {
      const row = fitting.get(definition.key);
      const content = (row?.content ?? RELEASED.get(definition.key)) as RuleContent;
      return {
        definition,
        // A version that was made before a parameter was there counts with what that is unless somebody says otherwise.
        content: { ...content, parameters: definition.parameters.parse(content.parameters) },
        version: row?.version ?? 0,
        contentHash: row?.contentHash ?? contentHashOf(content),
      };
    }),
    typologies: {
      structuring: typologyOf('structuring'),
      pass_through: typologyOf('pass_through'),
      networks: typologyOf('networks'),
      market_abuse: typologyOf('market_abuse'),
    },
    reference: contentOf(REFERENCE_KEY) as Reference,
  };
}

/** The kinds of activity that a rule, the rules of a typology, or all of them look at. */
export function kindsLookedAt(key: string, { rules }: RuleSet): readonly ActivityKind[] {
  const looking = rules.filter(
    ({ definition, content }) =>
      key === REFERENCE_KEY || key === definition.key || key === `${TYPOLOGY_PREFIX}${content.typology}`,
  );
  return [...new Set(looking.flatMap(({ definition }) => definition.kinds))].toSorted();
}

function schemaOf(key: string): z.ZodType | undefined {
  if (key === REFERENCE_KEY) {
    return ReferenceContent;
  }
  if (key.startsWith(TYPOLOGY_PREFIX)) {
    const known = TYPOLOGY_KEYS.some((typology) => key === `${TYPOLOGY_PREFIX}${typology}`);
    return known ? TypologyContent : undefined;
  }
  return RULE_TABLE.some((rule) => rule.key === key) ? RuleContent : undefined;
}
