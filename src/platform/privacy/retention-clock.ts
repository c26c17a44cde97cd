/**
 * How long records are kept. Pure. The clock starts when the relationship ends, and starts again with
 * whatever happened later, such as a last transaction.
 * @source FSC Mauritius AML/CFT rules: at least seven years after the relationship or the transaction
 */
import { type Instant, parseInstant } from '../../kernel/time.ts';

/**
 * The instant from which on records may be destroyed, calendar months after the latest fact.
 * @units months; a day the last month does not have becomes the next day, since less would be too short
 */
export function keptUntil(facts: readonly [Instant, ...Instant[]], months: number): Instant {
  const start = Temporal.Instant.from(latestOf(facts)).toZonedDateTimeISO('UTC');
  const end = start.add({ months });
  const whole = end.day === start.day ? end : end.add({ days: 1 });
  return parseInstant(whole.toInstant().toString());
}

/** The latest of some instants. */
export function latestOf(facts: readonly [Instant, ...Instant[]]): Instant {
  return facts.reduce((later, fact) => (fact > later ? fact : later));
}
