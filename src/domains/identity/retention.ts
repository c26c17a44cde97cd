/**
 * How long a person's records are kept. Pure. The clock starts when the relationship ends, and starts
 * again with whatever happened later, such as a last transaction.
 * @source FSC Mauritius AML/CFT rules: at least seven years after the relationship or the transaction
 */
import { type Instant, parseInstant } from '../../kernel/time.ts';

/**
 * The instant from which on a person may be erased, calendar years after the latest fact.
 * @units years; 29 February becomes 1 March in a year without one, since less would be too short
 */
export function keptUntil(facts: readonly [Instant, ...Instant[]], years: number): Instant {
  const latest = facts.reduce((later, fact) => (fact > later ? fact : later));
  const start = Temporal.Instant.from(latest).toZonedDateTimeISO('UTC');
  const end = start.add({ years });
  const whole = end.day === start.day ? end : end.add({ days: 1 });
  return parseInstant(whole.toInstant().toString());
}
