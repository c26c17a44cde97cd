/**
 * The part of a test's set-up that needs no domain: a migrated database of its own, the dependencies,
 * and the workers on demand.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { buildDeps } from '../deps.ts';
import type { Actor } from '../kernel/actor.ts';
import { newId } from '../kernel/id.ts';
import { systemClock } from '../kernel/time.ts';
import { type Sealer, startSealer } from '../platform/audit/sealer.ts';
import { type Ctx, type Deps, machineCtx, type Settings } from '../platform/context.ts';
import type { RootKey } from '../platform/crypto/keyring.ts';
import type { Domain } from '../platform/domain.ts';
import { parseGoaml } from '../platform/http/goaml.ts';
import { parseRateLimits } from '../platform/http/rate-policy.ts';
import { buildLogger } from '../platform/log/logger.ts';
import type { Consumer } from '../platform/outbox/consumer.ts';
import { type Relay, startRelay } from '../platform/outbox/relay.ts';
import { parseStreamLimits } from '../platform/stream/limits.ts';
import { endInOrder } from './ending.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';

/** The audit log of every test database. */
export const TEST_LOG = { origin: 'test.plimsoll.local/audit', seed: new Uint8Array(32).fill(9) };

/** The keyring of every test database. */
export const TEST_ROOT_KEYS: readonly RootKey[] = [{ name: 'test', key: new Uint8Array(32).fill(7) }];

/** What an operator would decide, for tests. */
export const TEST_SETTINGS: Settings = {
  firmName: 'Plimsoll',
  timeZone: 'Indian/Mauritius',
  publicUrl: 'http://localhost:8080',
  alarmEmails: ['alarms@example.mu'],
  retentionYears: 7,
  bulkReadThreshold: 100,
  depositDays: 30,
  exportDays: 30,
  rateLimits: parseRateLimits('sandbox', 'sign_in=6000000/60,recovery=6000000/60,export=6000000/60'),
  streamLimits: parseStreamLimits('connections=4,subscriptions=6,messages=40,queue=100'),
  tickMonths: 13,
  marginCall: { hours: 24, remindMinutes: 360, liquidates: false },
  paymentSecrets: new Map(),
  payoutProviders: [],
  kycProviders: new Map(),
  screeningVendor: null,
  monitoringVendor: null,
  liveVenue: { name: 'simulated' },
  simulatedSeed: 1n,
  goaml: parseGoaml(
    JSON.stringify({
      rentityId: 4711,
      institution: 'Plimsoll Ltd',
      branch: 'Port Louis',
      reportingPerson: { firstName: 'Mira', lastName: 'Officer', email: 'mlro@example.mu' },
      location: { street: '1 Harbour Street', city: 'Port Louis', country: 'MU' },
    }),
  ),
};

export type Foundation = {
  readonly deps: Deps;
  /** Connection of the owner, for planting breaks and looking behind row-level security. */
  readonly database: TestDatabase;
  readonly ctx: (actor: Actor) => Ctx;
  readonly system: Ctx;
  readonly advance: (ms: number) => void;
  /** Starts relay and sealer, once; without it events and audit rows stay where they were written. */
  readonly startWorkers: () => Promise<{ readonly relay: Relay; readonly sealer: Sealer }>;
  /** Waits until all committed events, and those their handlers publish, are delivered. */
  readonly settle: () => Promise<void>;
  readonly close: () => Promise<void>;
};

/** `file` is `import.meta.file`; it names the database. */
export async function startFoundation(
  file: string,
  domains: readonly Domain[],
  extraConsumers: readonly Consumer[] = [],
): Promise<Foundation> {
  const database = await createTestDatabase(basename(file));
  const dataDir = await mkdtemp(join(tmpdir(), 'plimsoll-data-'));
  let offsetMs = 0;
  let relay: Relay | undefined;
  let sealer: Promise<Sealer> | undefined;
  const deps = buildDeps({
    mode: 'sandbox',
    dataDir,
    connections: database.connections,
    pools: { app: 4, staff: 3, engine: 8 },
    rootKeys: TEST_ROOT_KEYS,
    log: buildLogger('silent'),
    wakeRelay: () => relay?.wake(),
    domains,
    settings: TEST_SETTINGS,
    clock: systemClock(() => offsetMs),
  });
  const system = machineCtx(deps, { kind: 'system', name: 'test' }, newId());
  const ensureRelay = (): Relay => {
    relay ??= startRelay(deps, [...domains.flatMap((domain) => domain.consumers), ...extraConsumers]);
    return relay;
  };
  return {
    deps,
    database,
    system,
    ctx: (actor) => ({
      ...system,
      actor,
      login: actor.kind === 'staff' ? 'staff' : 'app',
      requestId: newId(),
    }),
    advance: (ms) => {
      offsetMs += ms;
    },
    startWorkers: async () => {
      sealer ??= startSealer(deps, TEST_LOG);
      return { sealer: await sealer, relay: ensureRelay() };
    },
    settle: () => ensureRelay().drained(),
    close: () =>
      endInOrder(file, [
        ['the relay', () => relay?.stop()],
        ['the sealer', async () => (await sealer)?.stop()],
        ['the mail', () => deps.mail.stop()],
        ['the connections', () => deps.db.close()],
        ['the database', () => database.drop()],
        ['the folder', () => rm(dataDir, { recursive: true, force: true })],
      ]),
  };
}
