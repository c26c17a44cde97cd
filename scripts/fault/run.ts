/**
 * The rounds: load, a kill at a random moment, recovery, and everything that was promised looked up again.
 */
import { readDemoCredentials } from '../../src/demo/credentials.ts';
import { type Random, randomFrom } from '../../src/testing/random.ts';
import { bookFaults } from './book.ts';
import { type ClientBook, describeEntry, type Entry, neverDone, openClientBook } from './client-book.ts';
import { openFirm, runLoad } from './load.ts';
import type { Firm } from './scenario.ts';
import { senderTo } from './sender.ts';
import { type FaultSystem, startSystem } from './system.ts';
import { type Findings, hasLiquidated, idsBefore, verify } from './verify.ts';

/** What is killed with SIGKILL: the server, PostgreSQL's postmaster, one of its sessions, or server and postmaster. */
const KILLS = ['server', 'postgres', 'session', 'both'] as const;

type Kill = (typeof KILLS)[number];

export type FaultPlan = {
  readonly rounds: number;
  readonly seed: number;
  readonly dataDir: string;
  readonly connections: number;
  /** Each of them once before any comes again; all unless given. */
  readonly kills?: readonly Kill[];
  /** Changes what is looked up, to see that it is missed. */
  readonly tamper?: (entries: readonly Entry[], round: number) => readonly Entry[];
  /** Asked before every round. */
  readonly stopped?: () => boolean;
};

export type Round = Findings & {
  readonly number: number;
  readonly kill: Kill;
  /** How far into the load. */
  readonly afterMs: number;
  /** Requests sent, of them acknowledged, and how many nobody answered at once. */
  readonly sent: number;
  readonly acknowledged: number;
  readonly unanswered: number;
  readonly recoveryMs: number;
};

const EARLIEST_MS = 150;
const LATEST_MS = 2_000;
/** Clients go on for a while: they do not know. */
const AFTERMATH_MS = 250;
/** A kill in the first second may come before the price has fallen; so many in a row do not. @units rounds */
const LIQUIDATES_WITHIN = 10;

export type FaultRun = {
  readonly rounds: readonly Round[];
  /** What the load asks for and nobody was ever answered. */
  readonly neverDone: readonly string[];
};

/** Runs all rounds on a data folder of their own; the first round that finds something is the last. */
export async function runFault(plan: FaultPlan, onRound: (round: Round) => void): Promise<FaultRun> {
  const random = randomFrom(plan.seed);
  const system = await startSystem(plan.dataDir);
  const rounds: Round[] = [];
  try {
    const credentials = readDemoCredentials(plan.dataDir);
    if (credentials === undefined) {
      throw new Error('the demo firm was not seeded');
    }
    const firm = await openFirm(system.url, credentials, system.owner, plan.dataDir);
    const book = openClientBook(senderTo(system.url), () => rounds.length + 1);
    const before = await idsBefore(system.owner(), firm.accountIds);
    let bag: Kill[] = [];
    while (rounds.length < plan.rounds && plan.stopped?.() !== true) {
      bag = bag.length === 0 ? [...(plan.kills ?? KILLS)] : bag;
      const [kill = 'server'] = bag.splice(random.below(bag.length), 1);
      const round = await oneRound({ plan, system, firm, book, before, random }, rounds.length + 1, kill);
      rounds.push(round);
      onRound(round);
      if (faultsOf(round).length > 0) {
        break;
      }
    }
    const undone = neverDone(book.entries);
    const liquidated = rounds.length < LIQUIDATES_WITHIN || (await hasLiquidated(system.owner()));
    return { rounds, neverDone: liquidated ? undone : [...undone, 'liquidation'] };
  } finally {
    await system.stop();
  }
}

/** Everything a round found wrong. */
export function faultsOf({ lost, doubled, breaks }: Findings): readonly string[] {
  return [
    ...lost.map((what) => `LOST     ${what}`),
    ...doubled.map((what) => `DOUBLED  ${what}`),
    ...breaks.map((what) => `BREAK    ${what}`),
  ];
}

type Scene = {
  readonly plan: FaultPlan;
  readonly system: FaultSystem;
  readonly firm: Firm;
  readonly book: ClientBook;
  readonly before: ReadonlySet<string>;
  readonly random: Random;
};

async function oneRound(scene: Scene, number: number, kill: Kill): Promise<Round> {
  const { plan, system, firm, book, before, random } = scene;
  await firm.signIn();
  const begun = book.entries.length;
  let stopped = false;
  const load = runLoad(firm, book, random, plan.connections, () => stopped);
  const afterMs = EARLIEST_MS + random.below(LATEST_MS - EARLIEST_MS);
  await Bun.sleep(afterMs);
  await strike(system, kill);
  await Bun.sleep(AFTERMATH_MS);
  stopped = true;
  const [recoveryMs] = await Promise.all([system.recover(), load]);
  await book.retry();
  await firm.bookStatements();
  const replayed = await book.replay(number);
  const differs = await bookFaults(system.url(), firm.maker.person, system.owner());
  const entries = plan.tamper?.(book.entries, number) ?? book.entries;
  const found = await verify(system.owner(), plan.dataDir, entries, firm.accountIds, before);
  const mine = book.entries.slice(begun);
  const open = book.entries.filter((entry) => entry.state === 'unanswered');
  return {
    number,
    kill,
    afterMs,
    sent: mine.length,
    acknowledged: mine.filter((entry) => entry.state === 'acknowledged').length,
    unanswered: mine.filter(({ attempts }) => attempts > 1).length,
    recoveryMs,
    lost: [
      ...found.lost,
      ...replayed.faults,
      ...open.map((entry) => `${describeEntry(entry)} is never answered but ${entry.status} ${entry.text}`),
    ],
    doubled: found.doubled,
    breaks: [...differs, ...found.breaks],
  };
}

async function strike(system: FaultSystem, kill: Kill): Promise<void> {
  switch (kill) {
    case 'server':
      return system.killServer();
    case 'postgres':
      return system.killPostmaster();
    case 'session':
      return system.killBackend();
    case 'both':
      system.killPostmaster();
      return system.killServer();
  }
}
