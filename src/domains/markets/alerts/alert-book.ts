/**
 * The active alerts of all customers in memory, by instrument, figure and level: a figure that moved finds
 * those it reached without looking at the others. Pure; the rows say what holds.
 */
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import { type Level, type Metric, metricName, reaches } from './rules.ts';

export type WatchedAlert = {
  readonly id: Id;
  readonly instrumentId: Id;
  readonly version: number;
  readonly armed: boolean;
  /** Not armed again before. */
  readonly quietUntil: Instant | null;
  readonly levels: readonly Level[];
};

/** Between which values a figure lay since it was last looked at, and where it is now. */
export type Reading = { readonly low: bigint; readonly high: bigint; readonly last: bigint };

export type Reached = { readonly alert: WatchedAlert; readonly value: bigint };

type Entry = { readonly alert: WatchedAlert; readonly threshold: bigint };
/** Sorted by threshold and, of one threshold, by id: many may wait for one round price. */
type Side = { readonly armed: Entry[]; readonly unarmed: Entry[] };
type Figure = { readonly metric: Metric; readonly above: Side; readonly below: Side };

export type AlertBook = {
  readonly put: (alert: WatchedAlert) => void;
  readonly remove: (id: Id) => void;
  readonly get: (id: Id) => WatchedAlert | undefined;
  readonly instruments: () => readonly Id[];
  /** The figures of an instrument that somebody waits for. */
  readonly metricsOf: (instrumentId: Id) => readonly Metric[];
  /** Armed alerts that the figure reached. */
  readonly reached: (instrumentId: Id, metric: Metric, reading: Reading) => readonly Reached[];
  /** Unarmed alerts for which the figure lies on the other side of their level now. */
  readonly released: (instrumentId: Id, metric: Metric, last: bigint) => readonly WatchedAlert[];
};

/** An empty book. */
export function createAlertBook(): AlertBook {
  const alerts = new Map<Id, WatchedAlert>();
  const books = new Map<Id, Map<string, Figure>>();

  const entriesOf = (alert: WatchedAlert, level: Level): Entry[] => {
    const figures = books.get(alert.instrumentId) ?? new Map<string, Figure>();
    books.set(alert.instrumentId, figures);
    const name = metricName(level.metric);
    const figure = figures.get(name) ?? {
      metric: level.metric,
      above: { armed: [], unarmed: [] },
      below: { armed: [], unarmed: [] },
    };
    figures.set(name, figure);
    return figure[level.side][alert.armed ? 'armed' : 'unarmed'];
  };
  const remove = (id: Id): void => {
    const alert = alerts.get(id);
    if (alert === undefined) {
      return;
    }
    alerts.delete(id);
    for (const level of alert.levels) {
      const entries = entriesOf(alert, level);
      const at = firstAt(entries, level.threshold, id);
      if (entries[at]?.alert.id === id) {
        entries.splice(at, 1);
      }
      forgetEmpty(books, alert.instrumentId, level.metric);
    }
  };
  const figureOf = (instrumentId: Id, metric: Metric) => books.get(instrumentId)?.get(metricName(metric));
  return {
    remove,
    get: (id) => alerts.get(id),
    put: (alert) => {
      remove(alert.id);
      alerts.set(alert.id, alert);
      for (const level of alert.levels) {
        const entries = entriesOf(alert, level);
        entries.splice(firstAt(entries, level.threshold, alert.id), 0, { alert, threshold: level.threshold });
      }
    },
    instruments: () => [...books.keys()],
    metricsOf: (instrumentId) => [...(books.get(instrumentId)?.values() ?? [])].map(({ metric }) => metric),
    reached: (instrumentId, metric, reading) => reachedIn(figureOf(instrumentId, metric), reading),
    released: (instrumentId, metric, last) => releasedIn(figureOf(instrumentId, metric), last),
  };
}

function reachedIn(figure: Figure | undefined, { low, high }: Reading): readonly Reached[] {
  if (figure === undefined) {
    return [];
  }
  const { above, below } = figure;
  return [
    ...above.armed.slice(0, firstAt(above.armed, high + 1n)).map(({ alert }) => ({ alert, value: high })),
    ...below.armed.slice(firstAt(below.armed, low)).map(({ alert }) => ({ alert, value: low })),
  ];
}

function releasedIn(figure: Figure | undefined, last: bigint): readonly WatchedAlert[] {
  if (figure === undefined) {
    return [];
  }
  const { above, below } = figure;
  const away = [
    ...above.unarmed.slice(firstAt(above.unarmed, last + 1n)),
    ...below.unarmed.slice(0, firstAt(below.unarmed, last)),
  ];
  // Of two levels, such as of a change either way, none may be reached.
  return away
    .map(({ alert }) => alert)
    .filter((alert) => !alert.levels.some((level) => reaches(level, last)));
}

/** Where the first entry of at least this threshold stands, and of at least this id among those that have it. */
function firstAt(entries: readonly Entry[], threshold: bigint, id = ''): number {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = present(entries[middle], 'the middle lies within');
    if (entry.threshold < threshold || (entry.threshold === threshold && entry.alert.id < id)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

function forgetEmpty(books: Map<Id, Map<string, Figure>>, instrumentId: Id, metric: Metric): void {
  const figures = books.get(instrumentId);
  const figure = figures?.get(metricName(metric));
  const sides = figure === undefined ? [] : [figure.above, figure.below];
  if (sides.every(({ armed, unarmed }) => armed.length + unarmed.length === 0)) {
    figures?.delete(metricName(metric));
  }
  if (figures?.size === 0) {
    books.delete(instrumentId);
  }
}
