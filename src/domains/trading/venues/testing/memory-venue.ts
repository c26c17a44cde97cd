/**
 * A venue of a test: it keeps the port's contract, does only what it is told, and loses requests and answers where it is
 * told to.
 */
import { type Amount, parseAmount, ZERO } from '../../../../kernel/amount.ts';
import { present } from '../../../../kernel/assert.ts';
import type { Id } from '../../../../kernel/id.ts';
import { msOfInstant, systemClock } from '../../../../kernel/time.ts';
import type { VenueEnd } from '../../engine/command.ts';
import type { ExecutionReport, Venue, VenueAnswer, VenueOrder } from '../venue.ts';

type Kept = {
  readonly order: VenueOrder;
  readonly reports: ExecutionReport[];
  executed: bigint;
  open: boolean;
};
type Call = 'send' | 'cancel' | 'lookUp';

export type MemoryVenue = Omit<Venue, 'settleMs'> & {
  settleMs: number | null;
  /** How often each reference was sent. */
  readonly sent: Map<Id, number>;
  /** How often each was looked up with an answer, whatever it said. */
  readonly lookedUp: Map<Id, number>;
  /** The next call of a kind is lost on its way there, or its answer on its way back. */
  readonly lose: (call: Call, where: 'request' | 'answer') => void;
  /** What it does with an order that comes; it works it unless told otherwise. */
  onArrival: (order: VenueOrder) => 'work' | VenueEnd;
  readonly fill: (reference: Id, quantity: string, price: string) => void;
  readonly end: (reference: Id, reason: VenueEnd) => void;
  /** Reports that are told at the next look: anything, twice, in any order. */
  readonly say: (...reports: readonly ExecutionReport[]) => void;
  readonly reportsOf: (reference: Id) => readonly ExecutionReport[];
  /** Only what is said is told while it is silent; whoever looks an order up learns nothing. */
  silent: boolean;
  /** It answers no call at all. */
  mute: boolean;
};

export function memoryVenue(name = 'simulated'): MemoryVenue {
  const orders = new Map<Id, Kept>();
  const said: ExecutionReport[] = [];
  const line = lossyLine(() => venue.mute);
  const kept = (reference: Id): Kept => present(orders.get(reference), 'the venue has the order');
  const answer = (reference: Id): VenueAnswer => ({ reports: [...kept(reference).reports], againInMs: null });
  const venue: MemoryVenue = {
    name,
    settleMs: 0,
    sent: new Map(),
    lookedUp: new Map(),
    silent: false,
    mute: false,
    onArrival: () => 'work',
    lose: line.lose,
    send: (order) =>
      line.over('send', () => {
        if (systemClock().realMs() > msOfInstant(order.takeUntil)) {
          throw new Error('what comes too late is not taken');
        }
        venue.sent.set(order.reference, (venue.sent.get(order.reference) ?? 0) + 1);
        if (!orders.has(order.reference)) {
          orders.set(order.reference, arrived(order, venue.onArrival(order)));
        }
        return answer(order.reference);
      }),
    cancel: (reference) =>
      line.over('cancel', () => {
        end(kept(reference), 'venue_cancelled');
        return answer(reference);
      }),
    lookUp: (reference) =>
      line.over('lookUp', () => {
        venue.lookedUp.set(reference, (venue.lookedUp.get(reference) ?? 0) + 1);
        if (venue.silent) {
          return { known: false as const, why: 'unknown' as const };
        }
        return orders.has(reference)
          ? { known: true as const, reports: [...kept(reference).reports] }
          : { known: false as const, why: 'not_there' as const };
      }),
    collect: async (references) => ({
      reports: [
        ...(venue.silent ? [] : references.flatMap((reference) => orders.get(reference)?.reports ?? [])),
        ...said.splice(0),
      ],
      againInMs: null,
    }),
    fill: (reference, quantity, price) => fill(kept(reference), parseAmount(quantity), parseAmount(price)),
    end: (reference, reason) => end(kept(reference), reason),
    say: (...reports) => said.push(...reports),
    reportsOf: (reference) => kept(reference).reports,
  };
  return venue;
}

/** A connection that breaks where it is told to, before the request arrives or before its answer does. */
function lossyLine(isMute: () => boolean) {
  const losses: { readonly call: Call; readonly where: 'request' | 'answer' }[] = [];
  const breaks = (call: Call, where: 'request' | 'answer'): void => {
    const at = losses.findIndex((loss) => loss.call === call && loss.where === where);
    if (at >= 0) {
      losses.splice(at, 1);
      throw new Error('the connection broke');
    }
  };
  return {
    lose: (call: Call, where: 'request' | 'answer') => losses.push({ call, where }),
    over: async <Answer>(call: Call, work: () => Answer): Promise<Answer> => {
      breaks(call, 'request');
      if (isMute()) {
        return new Promise<never>(() => {});
      }
      const answer = work();
      breaks(call, 'answer');
      return answer;
    },
  };
}

function arrived(order: VenueOrder, becomes: 'work' | VenueEnd): Kept {
  const kept: Kept = { order, reports: [], executed: 0n, open: becomes === 'work' };
  add(
    kept,
    becomes === 'work'
      ? { type: 'accepted', venueOrderId: `M-${order.reference}` }
      : { type: 'rejected', reason: becomes },
  );
  return kept;
}

function fill(kept: Kept, quantity: Amount, price: Amount): void {
  kept.executed += quantity;
  add(kept, { type: 'fill', quantity, price, liquidity: 'taker', fee: ZERO, feeAsset: 'USD' });
  if (kept.executed === kept.order.quantity) {
    end(kept, 'filled');
  }
}

function end(kept: Kept, reason: VenueEnd): void {
  if (kept.open) {
    kept.open = false;
    const executed = kept.executed as Amount;
    add(kept, reason === 'filled' ? { type: 'done', executed } : { type: 'cancelled', reason, executed });
  }
}

function add({ order, reports }: Kept, said: ReportBody): void {
  const { reference } = order;
  reports.push({ reference, reportId: `${reference}/${reports.length + 1}`, ...said } as ExecutionReport);
}

type ReportBody = ExecutionReport extends infer Report
  ? Report extends ExecutionReport
    ? Omit<Report, 'reference' | 'reportId'>
    : never
  : never;
