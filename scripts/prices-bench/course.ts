/**
 * What happens to prices in `bench prices`, written down beforehand, so that it is known which tick each alert and each
 * exit waits for. Every price is one that its instrument has once only: whatever shows it says which tick it has seen.
 * An instrument walks at its anchor, then one way (`turn`), then the other (`return`); half of them rise first.
 */

/** Before anything of it is waited for; what its alerts and its exit wait for; what its other alerts wait for. */
export type Phase = 'calm' | 'turn' | 'return';

export type Course = {
  readonly instruments: number;
  /** Of all instruments together, each in its turn. @units ticks per second */
  readonly rate: number;
  readonly seconds: number;
};

export type Waiting = { readonly condition: object; readonly phase: Exclude<Phase, 'calm'> };

/** @units millionths, as all prices here */
const ANCHOR = 100_000_000;
/** Beyond it nothing of a price says which tick it is of. */
const COUNTED = 10_000;
const TURN = 500_000;
const RETURN = 700_000;
/** How the closes of earlier minutes come to the anchor: the averages lie on the other side of it. */
const SLOPE = 5_000;
const SLOPING_MINUTES = 120;
/** Where the count of live ticks begins: what was before has lower ones. */
export const FIRST_SEQUENCE = 1_000_000;
export const MINUTE_SIZE = '1000';
const SIZE = '0.01';
const SPIKE_SIZE = '100000';
/** An alert waits for the turn, or for the way back; this part of a course lies between. */
const BETWEEN = 0.2;
/** Nothing begins to be waited for in this last part of a course. */
const REST = 0.05;

/** What a feed calls an instrument. */
export function feedSymbolOf(instrument: number): string {
  return `B${String(instrument).padStart(4, '0')}-USD`;
}

export function symbolOf(instrument: number): string {
  return `B${String(instrument).padStart(4, '0')}/USD`;
}

/** @shape undefined for what is no symbol of here */
export function instrumentOf(symbol: string): number | undefined {
  const digits = /^B(\d+)[/-]USD$/.exec(symbol)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 10);
}

/** 1 where the instrument rises first. */
export function wayOf(instrument: number): 1 | -1 {
  return instrument % 2 === 0 ? 1 : -1;
}

/** The close of a minute that was over so many minutes before the course. */
export function pastPrice(instrument: number, minutesAgo: number): string {
  return decimalOf(ANCHOR + wayOf(instrument) * SLOPE * Math.min(minutesAgo, SLOPING_MINUTES));
}

/** The price and the size of a tick, counted from 1. */
export function tickOf(instrument: number, count: number, phase: Phase, first: boolean) {
  const moved = { calm: 0, turn: TURN, return: -RETURN }[phase] * wayOf(instrument);
  const size = first && phase === 'turn' ? SPIKE_SIZE : SIZE;
  return { price: decimalOf(ANCHOR + moved + count), size };
}

/** Which tick has a price, counted from 1; 0 for a price from before. */
export function countOf(price: string): number {
  const [whole = '', fraction = ''] = price.split('.');
  return Number.parseInt(`${whole}${fraction.padEnd(6, '0').slice(0, 6)}`, 10) % COUNTED;
}

/** When each instrument turns, and when it turns back. @units seconds after the course began */
export function turnsOf({ instruments, seconds, rate }: Course, instrument: number) {
  const every = instruments / rate;
  const between = seconds * BETWEEN;
  const within = seconds * (1 - REST) - between - 2 * every;
  // Neighbours turn at different times, and at any time some do.
  const share = (instrument * 0.618034) % 1;
  return { turn: every + within * share, return: every + within * share + between };
}

/** What twenty alerts on an instrument wait for, four of each kind. */
export function alertsOn(instrument: number): readonly Waiting[] {
  const rises = wayOf(instrument) === 1;
  const [first, second] = rises ? (['above', 'below'] as const) : (['below', 'above'] as const);
  const [up, down] = rises ? (['up', 'down'] as const) : (['down', 'up'] as const);
  const indicator = { kind: 'technical_indicator', interval: '1m', direction: first };
  return [
    ...[1, 2, 3, 4].flatMap((step): Waiting[] => [
      { phase: 'turn', condition: { kind: `price_${first}`, price: priceAway(instrument, step) } },
      { phase: 'return', condition: { kind: `price_${second}`, price: priceAway(instrument, -step) } },
      {
        phase: 'turn',
        condition: { kind: 'volume_spike', interval: '1m', candles: 20, multiple: `${step}0` },
      },
    ]),
    ...(
      [
        ['turn', up, '0.2'],
        ['turn', 'either', '0.25'],
        ['return', down, '0.5'],
        ['return', down, '0.6'],
      ] as const
    ).map(
      ([phase, direction, percent]): Waiting => ({
        phase,
        condition: { kind: 'percent_change', direction, percent, windowMinutes: 30 },
      }),
    ),
    { phase: 'turn', condition: { ...indicator, indicator: 'rsi', period: 14, level: rises ? '70' : '30' } },
    { phase: 'turn', condition: { ...indicator, indicator: 'rsi', period: 7, level: rises ? '75' : '25' } },
    { phase: 'turn', condition: { ...indicator, indicator: 'sma_cross', fast: 5, slow: 20 } },
    { phase: 'turn', condition: { ...indicator, indicator: 'ema_cross', fast: 5, slow: 20 } },
  ];
}

/** The stop-loss that the turn reaches, of a position that loses by it. */
export function exitOn(instrument: number) {
  return {
    side: wayOf(instrument) === 1 ? ('short' as const) : ('long' as const),
    triggerPrice: decimalOf(ANCHOR + (wayOf(instrument) * TURN) / 2),
  };
}

/** Some tenths away from the anchor, the way it goes first. */
function priceAway(instrument: number, tenths: number): string {
  return decimalOf(ANCHOR + wayOf(instrument) * tenths * 100_000);
}

function decimalOf(millionths: number): string {
  const fraction = String(millionths % 1_000_000).padStart(6, '0');
  return `${Math.floor(millionths / 1_000_000)}.${fraction}`;
}
