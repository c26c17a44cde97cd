/**
 * Puts the parts of one process together in the order they depend on each other, and takes them
 * apart in reverse.
 */
import { createApp } from '../app.ts';
import type { Config } from '../config.ts';
import { type DemoCredentials, demoCredentialsPath, readDemoCredentials } from '../demo/credentials.ts';
import { startMarketMaker } from '../demo/market-maker.ts';
import { priceBySimulator } from '../demo/price-by-simulator.ts';
import { seedDemo } from '../demo/seed.ts';
import { buildDeps, checkConnections } from '../deps.ts';
import { startScreener } from '../domains/aml/index.ts';
import { revocations } from '../domains/identity/index.ts';
import { startAlertEvaluator, startFeeds } from '../domains/markets/index.ts';
import { startMarginKeeper, tradingEngine } from '../domains/trading/index.ts';
import { allDomains, authenticate, platformEndpoints } from '../domains.ts';
import { flushAttempts } from '../platform/audit/attempt.ts';
import { startOutsideRecord } from '../platform/audit/outside-record.ts';
import { startSealer } from '../platform/audit/sealer.ts';
import type { Deps } from '../platform/context.ts';
import { watchKeys } from '../platform/crypto/installation-keys.ts';
import type { RootKey } from '../platform/crypto/keyring.ts';
import { startGuard } from '../platform/db/guard.ts';
import { healthEndpoints } from '../platform/http/health.ts';
import { serveMetrics } from '../platform/http/metrics.ts';
import { startJobs } from '../platform/jobs/jobs.ts';
import { buildLogger } from '../platform/log/logger.ts';
import { type Relay, startRelay } from '../platform/outbox/relay.ts';
import { recoveryOf } from '../platform/recovery/mode.ts';
import { stopStreams, streamHandlers } from '../platform/stream/streams.ts';
import { bannerText } from './banner.ts';
import { clientAddressBehind, trustedPeers } from './client-address.ts';
import { clientLocationBehind } from './client-location.ts';
import { openDatabase } from './open-database.ts';
import { enterRecovery, type HeldPart, startHeldParts } from './recovery.ts';
import { readRootKeys } from './root-keys.ts';
import { sandboxKeys } from './sandbox-keys.ts';
import { settingsOf } from './settings.ts';
import { StartError } from './start-error.ts';
import { checkKeyring, refuseSandboxDatabase } from './system-marks.ts';

export type RunningServer = {
  readonly url: string;
  readonly banner: (seconds: string) => string;
  readonly stop: () => Promise<void>;
};

type Stop = { readonly name: string; readonly run: () => Promise<void> };

const FLUSH_ATTEMPTS_MS = 5_000;

/**
 * Starts everything this process is configured to be.
 * @errors ConfigError, EmbeddedError, MigrationError, StartError; nothing keeps running after one
 */
export async function startServer(config: Config, onLost: () => void): Promise<RunningServer> {
  const stops: Stop[] = [];
  const stop = () => stopAll(stops);
  try {
    return await assemble(config, onLost, stops, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function assemble(
  config: Config,
  onLost: () => void,
  stops: Stop[],
  stop: () => Promise<void>,
): Promise<RunningServer> {
  const database = await openDatabase(config, onLost);
  stops.push({ name: 'database', run: database.close });
  const secrets = config.mode === 'sandbox' ? sandboxKeys(config.dataDir) : { keys: '', signingKey: '' };
  const rootKeys = await readRootKeys(config);
  let relay: Relay | undefined;
  const deps = buildDeps({
    mode: config.mode,
    dataDir: config.dataDir,
    connections: database.connections,
    pools: { app: 8, staff: 4, engine: 12 },
    rootKeys,
    log: buildLogger(config.logLevel),
    wakeRelay: () => relay?.wake(),
    domains: allDomains,
    ...settingsOf(config),
  });
  stops.push({ name: 'connections', run: deps.db.close });
  // After everything that may still write a mail.
  stops.push({ name: 'mail', run: deps.mail.stop });
  await checkConnections(deps);
  await checkKeyring(deps);
  await refuseSandboxDatabase(deps);
  // Every node learns of a further key before another node seals under it.
  stops.push({ name: 'keys', run: watchKeys(deps).stop });
  // Every node looks at its database for itself, whatever roles it has.
  const guard = await startGuard(deps);
  stops.push({ name: 'guard', run: () => guard.stop() });
  // Every process keeps credentials or keys of people in memory, so every one hears what was withdrawn.
  revocations(deps);
  await enterRecovery(deps, config);
  startFlusher(deps, stops);
  const signingKey = config.signingKey ?? secrets.signingKey;
  const held = heldParts(config, deps, { rootKeys, signingKey }, (now) => {
    relay = now;
  });
  stops.push({ name: 'engine and workers', run: await startHeldParts(deps, held) });
  // Before anybody is served: a node that says it is ready has its demo firm.
  const serves = config.roles.includes('api') && recoveryOf(deps) === null;
  const seeded = config.demo && serves ? await seededDemo(config, deps) : null;
  const url = listen(config, deps, stops);
  if (config.metricsPort !== null) {
    stops.push({ name: 'metrics', run: serveMetrics(deps, config.host, config.metricsPort).stop });
  }
  await database.announce(url);
  if (seeded !== null) {
    const maker = startMarketMaker(url, seeded.credentials.marketMaker);
    stops.push({ name: 'market maker', run: async () => maker.stop() });
  }
  indexLists(deps);
  return {
    url,
    stop,
    banner: (seconds) =>
      bannerText({
        config,
        url,
        database: database.description,
        seconds,
        demo: seeded,
        recovery: recoveryOf(deps),
      }),
  };
}

/** It takes seconds with real lists; a screening that comes sooner waits for it. */
function indexLists(deps: Deps): void {
  startScreener(deps).catch((error: unknown) => {
    const failure = error instanceof Error ? error.name : 'unknown';
    deps.log.error({ failure }, 'the screening index could not be built; the next screening tries again');
  });
}

function startFlusher(deps: Deps, stops: Stop[]): void {
  const flusher = setInterval(() => {
    flushAttempts(deps).catch(() => deps.log.error({}, 'attempts could not be flushed'));
  }, FLUSH_ATTEMPTS_MS);
  stops.push({
    name: 'attempts',
    run: async () => {
      clearInterval(flusher);
      await flushAttempts(deps, true);
    },
  });
}

/** What moves or tells anything outside waits for the end of a recovery; the log only for its name. */
function heldParts(
  config: Config,
  deps: Deps,
  { rootKeys, signingKey }: { readonly rootKeys: readonly RootKey[]; readonly signingKey: string },
  relayIs: (relay: Relay | undefined) => void,
): readonly HeldPart[] {
  const engine: HeldPart = {
    may: (recovery) => recovery === null,
    start: async () => {
      const trading = tradingEngine(deps);
      await trading.start();
      const keeper = startMarginKeeper(deps);
      return async () => {
        await keeper.stop();
        await trading.stop();
      };
    },
  };
  const sealer: HeldPart = {
    may: (recovery) => recovery === null || recovery.logSettledAt !== null,
    start: async () => {
      const seed = new Uint8Array(Buffer.from(signingKey, 'base64'));
      const origin = recoveryOf(deps)?.logOrigin ?? config.logOrigin;
      const { witnesses, anchor } = config;
      const askFirst = witnesses.length > 0 || anchor !== null;
      const sealer = await startSealer(deps, { origin, seed, askFirst, apart: true });
      const outside = askFirst ? startOutsideRecord(deps, sealer, { witnesses, anchor }) : null;
      return async () => {
        await outside?.stop();
        await sealer.stop();
      };
    },
  };
  const workers: HeldPart = {
    may: (recovery) => recovery === null,
    start: async () => {
      const jobs = await startJobs(
        deps,
        allDomains.flatMap((domain) => domain.jobs),
        { newThread: newJobsThread, rootKeys, settings: settingsOf(config).settings },
      );
      const relay = startRelay(
        deps,
        allDomains.flatMap((domain) => domain.consumers),
      );
      relayIs(relay);
      const alerts = startAlertEvaluator(deps);
      const feeds = startFeeds(deps, config.feeds);
      return async () => {
        await feeds.stop();
        await alerts.stop();
        relayIs(undefined);
        await relay.stop();
        await jobs.stop();
      };
    },
  };
  const { roles } = config;
  return [
    ...(roles.includes('engine') ? [engine] : []),
    ...(roles.includes('worker') ? [sealer, workers] : []),
  ];
}

function newJobsThread(): Worker {
  return new Worker(new URL('./jobs-worker.ts', import.meta.url).href);
}

function listen(config: Config, deps: Deps, stops: Stop[]): string {
  // A node without the api role answers for its health and for nothing else.
  const serves = config.roles.includes('api');
  const app = createApp(deps, {
    domains: serves ? allDomains : [],
    platformEndpoints: serves ? platformEndpoints : healthEndpoints,
    authenticate,
    clientAddress: clientAddressBehind(config.trustedProxies),
    clientLocation: clientLocationBehind(trustedPeers(config.trustedProxies), config.locationHeaders),
  });
  const server = Bun.serve({
    hostname: config.host,
    port: config.port,
    idleTimeout: 60,
    // Bodies are read as they come, each operation to its own limit: beyond it ours is the one that answers.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch: (request, bun) => app.fetch(request, { server: bun }),
    websocket: streamHandlers(deps),
  });
  // Requests under way are finished before the parts they need go away.
  stops.push({ name: 'http', run: () => server.stop(false) });
  // A stream never ends by itself, and the server waits for what is open.
  stops.push({ name: 'streams', run: async () => stopStreams(deps) });
  return `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${server.port}`;
}

async function seededDemo(
  config: Config,
  deps: Deps,
): Promise<{ readonly path: string; readonly credentials: DemoCredentials }> {
  await seedDemo(deps);
  if (config.feeds.some(({ name }) => name === 'simulator')) {
    await priceBySimulator(deps);
  }
  const credentials = readDemoCredentials(config.dataDir);
  if (credentials === undefined) {
    throw new StartError(
      'The demo firm of this database was seeded with another data folder, where its credentials lie. Set PLIMSOLL_DATA_DIR to that folder, or PLIMSOLL_DEMO=off.',
    );
  }
  return { path: demoCredentialsPath(config.dataDir), credentials };
}

async function stopAll(stops: Stop[]): Promise<void> {
  for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) {
    await stop.run();
  }
}
