/**
 * What a price alert waits for, as levels of metrics. Every kind becomes "this figure of the instrument
 * rises to, or falls to, this level", so that all of them are indexed alike and a figure is reckoned once
 * for all who wait for it. Pure.
 */
import { type Amount, amountOf, ONE, parseAmount } from '../../../kernel/amount.ts';
import type { CandleInterval } from '../prices/fold-ticks.ts';

export type Condition =
  | { readonly kind: 'price_above' | 'price_below'; readonly price: string }
  | {
      readonly kind: 'percent_change';
      readonly direction: 'up' | 'down' | 'either';
      readonly percent: string;
      readonly windowMinutes: number;
    }
  | {
      readonly kind: 'technical_indicator';
      readonly indicator: 'rsi';
      readonly interval: CandleInterval;
      readonly period: number;
      readonly direction: 'above' | 'below';
      readonly level: string;
    }
  | {
      readonly kind: 'technical_indicator';
      readonly indicator: 'sma_cross' | 'ema_cross';
      readonly interval: CandleInterval;
      readonly fast: number;
      readonly slow: number;
      readonly direction: 'above' | 'below';
    }
  | {
      readonly kind: 'volume_spike';
      readonly interval: CandleInterval;
      readonly candles: number;
      readonly multiple: string;
    };

/** A figure of an instrument. */
export type Metric =
  | { readonly name: 'price' }
  | { readonly name: 'change'; readonly minutes: number }
  | { readonly name: 'rsi'; readonly interval: CandleInterval; readonly period: number }
  | {
      readonly name: 'sma' | 'ema';
      readonly interval: CandleInterval;
      readonly fast: number;
      readonly slow: number;
    }
  | { readonly name: 'volume'; readonly interval: CandleInterval; readonly candles: number };

/** Reached where the figure is at least (`above`) or at most (`below`) the threshold. */
export type Level = {
  readonly metric: Metric;
  readonly side: 'above' | 'below';
  readonly threshold: Amount;
};

/** Each telling is kept for good: one that repeats is silent for this long at least. @units seconds */
const LEAST_COOLDOWN = 60;

/** Whether an alert with this cooldown may be told again and again. */
export function mayRepeat(cooldownSeconds: number): boolean {
  return cooldownSeconds >= LEAST_COOLDOWN;
}

/** The levels of a condition; it holds where one of them is reached. */
export function levelsOf(condition: Condition): readonly Level[] {
  switch (condition.kind) {
    case 'price_above':
    case 'price_below': {
      const side = condition.kind === 'price_above' ? 'above' : 'below';
      return [{ metric: { name: 'price' }, side, threshold: parseAmount(condition.price) }];
    }
    case 'percent_change': {
      const metric: Metric = { name: 'change', minutes: condition.windowMinutes };
      const percent = parseAmount(condition.percent);
      const up: Level = { metric, side: 'above', threshold: percent };
      const down: Level = { metric, side: 'below', threshold: amountOf(-percent) };
      return { up: [up], down: [down], either: [up, down] }[condition.direction];
    }
    case 'technical_indicator':
      return [indicatorLevel(condition)];
    case 'volume_spike': {
      const { interval, candles, multiple } = condition;
      return [
        { metric: { name: 'volume', interval, candles }, side: 'above', threshold: parseAmount(multiple) },
      ];
    }
  }
}

type Indicator = Extract<Condition, { readonly kind: 'technical_indicator' }>;

function indicatorLevel(condition: Indicator): Level {
  const { interval, direction: side } = condition;
  if (condition.indicator === 'rsi') {
    const metric: Metric = { name: 'rsi', interval, period: condition.period };
    return { metric, side, threshold: parseAmount(condition.level) };
  }
  const name = condition.indicator === 'sma_cross' ? 'sma' : 'ema';
  const metric: Metric = { name, interval, fast: condition.fast, slow: condition.slow };
  return { metric, side, threshold: side === 'above' ? ONE : amountOf(-ONE) };
}

/**
 * Whether an alert may be told the first time its condition holds. A crossing is told only when the
 * averages cross after it was asked for: it begins unarmed and is armed once they lie the other way.
 */
export function isArmedAtFirst(condition: Condition): boolean {
  return condition.kind !== 'technical_indicator' || condition.indicator === 'rsi';
}

/** Whether a figure reaches a level. */
export function reaches({ side, threshold }: Pick<Level, 'side' | 'threshold'>, value: bigint): boolean {
  return side === 'above' ? value >= threshold : value <= threshold;
}

/** The name of a metric; metrics of one name are one figure. */
export function metricName(metric: Metric): string {
  return Object.values(metric).join(' ');
}

/** What of a figure is the same for everybody: how many candles it needs, the one under way included. */
export function candlesFor(
  metric: Metric,
): { readonly interval: CandleInterval; readonly count: number } | null {
  switch (metric.name) {
    case 'price':
    case 'change':
      return null;
    case 'rsi':
      return { interval: metric.interval, count: metric.period * WARM_UP + 1 };
    case 'sma':
      return { interval: metric.interval, count: metric.slow };
    case 'ema':
      return { interval: metric.interval, count: metric.slow * WARM_UP };
    case 'volume':
      return { interval: metric.interval, count: metric.candles + 1 };
  }
}

/** Figures that remember their past begin this many periods ago, so that where they begin no longer shows. */
const WARM_UP = 4;
