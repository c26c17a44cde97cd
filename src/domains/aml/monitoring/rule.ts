/**
 * What a monitoring rule is. Pure: a rule reads one activity and what came before it, and says how much of what it
 * looks for is there; bands make points of that. Rules do not decide what happens: typologies add the points up.
 */
import type { z } from '@hono/zod-openapi';
import type { Json } from '../../../kernel/canonical-json.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Activity, ActivityKind } from '../../../platform/activity.ts';
import type { Crowd } from './past-window.ts';

export const TYPOLOGY_KEYS = ['structuring', 'pass_through', 'networks', 'market_abuse'] as const;

export type TypologyKey = (typeof TYPOLOGY_KEYS)[number];

/** From this measure on, so many points. */
export type Band = { readonly atLeast: number; readonly points: number };

/** What counts as a large amount, and where money should not come from or go to. */
export type Reference = {
  /** @units of the asset, as decimal text */
  readonly amounts: Readonly<Record<string, string>>;
  /** @units ISO 3166-1 alpha-2 */
  readonly highRiskCountries: readonly string[];
};

/** What the people of one KYC level moved in thirty days. */
export type Peers = {
  readonly people: number;
  /** @units basis points of the reference amounts */
  readonly inBps: number;
  readonly outBps: number;
};

/** What a rule may look at besides the activity; each part is bounded, however much there is. */
export type View = {
  /** What the same person did before, newest first: of what rules look at for the activity's kind. */
  readonly past: readonly Activity[];
  /** How many of its kind they did before; nothing but for trades and ended orders. */
  readonly crowd: Crowd;
  /**
   * When money or units of theirs last moved before the time `past` covers; null where they never did. Read only where
   * what moved since is together worth less than a reference amount, and null otherwise.
   */
  readonly movedBefore: Instant | null;
  /** Fills of other people in the same instrument in the minutes before, newest first; where a rule looks at them. */
  readonly others: readonly Activity[];
  /** How many other people used the same account, address or payer within a year. */
  readonly sharers: number;
  readonly peers: Peers | null;
  readonly reference: Reference;
};

export type Finding = {
  /** How much of it there is; a whole number, in what the rule measures. */
  readonly measure: number;
  /** What explains it: numbers and codes. */
  readonly facts: { readonly [key: string]: Json };
  /**
   * How much of it there was at the one before, where what goes on is said once an hour: it is no hit again within the
   * clock hour, unless it is worth more.
   */
  readonly before?: { readonly measure: number; readonly at: Instant };
  /** Whom it is about, where that is not who acted. */
  readonly userId?: Id;
};

type RuleParameters = { readonly [name: string]: number };

export type RuleDefinition = {
  readonly key: string;
  /** What it looks for, in one sentence. */
  readonly looksFor: string;
  /** What its measure counts. */
  readonly measures: string;
  readonly kinds: readonly ActivityKind[];
  readonly parameters: z.ZodType<RuleParameters>;
  readonly released: {
    readonly typology: TypologyKey;
    readonly parameters: RuleParameters;
    readonly bands: readonly Band[];
    readonly addsEach: boolean;
  };
  /** Whether it looks at what others did before an activity; it does not unless it says so. */
  readonly looksAtOthers?: (activity: Activity, reference: Reference, parameters: RuleParameters) => boolean;
  readonly evaluate: (activity: Activity, view: View, parameters: RuleParameters) => readonly Finding[];
};

/** What a rule is written as: its parameters are known by name. */
type WrittenRule<Name extends string> = Omit<RuleDefinition, 'evaluate' | 'looksAtOthers' | 'parameters'> & {
  readonly parameters: z.ZodType<Readonly<Record<Name, number>>>;
  readonly looksAtOthers?: (
    activity: Activity,
    reference: Reference,
    parameters: Readonly<Record<Name, number>>,
  ) => boolean;
  readonly evaluate: (
    activity: Activity,
    view: View,
    parameters: Readonly<Record<Name, number>>,
  ) => readonly Finding[];
};

/** A rule of the table; what it is called with passed its own `parameters`. */
export function rule<Name extends string>(written: WrittenRule<Name>): RuleDefinition {
  return written as unknown as RuleDefinition;
}

/** The points of a measure: those of the highest band it reaches, 0 below the first. */
export function pointsOf(bands: readonly Band[], measure: number): number {
  return bands.reduce((points, band) => (measure >= band.atLeast ? band.points : points), 0);
}
