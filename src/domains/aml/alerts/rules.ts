/**
 * What alerts mean: how soon they are due, what closing one takes, whom it stops. Pure. Who is listed is not
 * decided here.
 */
export const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const;

export type Severity = (typeof SEVERITIES)[number];

export const ALERT_KINDS = [
  'sanctions',
  'pep',
  'adverse_media',
  'internal_list',
  'screening_error',
  'third_party',
  'monitoring',
  'market_abuse',
  'list',
  'provider',
  'manual',
] as const;

export type AlertKind = (typeof ALERT_KINDS)[number];

export type AlertEffect = 'stop' | 'review';

const HOUR_MS = 3_600_000;

/** How soon an alert has to be closed. @units ms from when it was raised */
const DUE_MS: Readonly<Record<Severity, number>> = {
  critical: 4 * HOUR_MS,
  high: 24 * HOUR_MS,
  medium: 72 * HOUR_MS,
  low: 240 * HOUR_MS,
};

/** @units ms */
export function dueWithinMs(severity: Severity): number {
  return DUE_MS[severity];
}

/** The graver of two; what was not known is taken for the gravest. */
export function graver(left: string, right: string): Severity {
  const place = (severity: string) => {
    const known = SEVERITIES.indexOf(severity as Severity);
    return known === -1 ? SEVERITIES.length - 1 : known;
  };
  return SEVERITIES[Math.max(place(left), place(right))] ?? 'critical';
}

type Weighed = { readonly kind: string; readonly effect: string; readonly severity: string };

/** A true match of these is a person who must not be served: it freezes. The others are work of another kind. */
export function freezesWhenTrue({ kind, effect }: Weighed): boolean {
  return effect === 'stop' && kind !== 'monitoring' && kind !== 'market_abuse' && kind !== 'list';
}

/** A true match of these says what somebody does, not who they are: their money stays in until two people end that. */
export function restrictsWhenTrue(weighed: Weighed): boolean {
  return weighed.effect === 'stop' && !freezesWhenTrue(weighed);
}

/** Whether the authorities have to be told that it is true: of who is on a sanctions list, whoever found it. */
export function isToldToAuthorities(kind: string): boolean {
  return kind === 'sanctions' || kind === 'provider';
}

/** Whether one person alone may close it: only what stops no money and is not grave. */
export function closesAlone({ effect, severity }: Weighed, disposition: string): boolean {
  return (
    effect === 'review' && (severity === 'low' || severity === 'medium') && disposition === 'false_positive'
  );
}
