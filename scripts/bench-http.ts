/**
 * P9: an authenticated `GET /v1/market/clock` (access token, rate limit, response held to its schema)
 * against a bare `Bun.serve` that says hello, both under wrk. The two are measured in pairs, in turn
 * first and second, because they share this machine with wrk and with whatever else runs on it; what
 * counts is the median of the pairs' ratios.
 * Usage: bun scripts/bench-http.ts [--quick]
 * Exit 1 on a missed target or a wrong answer, 2 on wrong use or where wrk is missing.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Subprocess } from 'bun';
import { codeOf } from '../src/demo/client.ts';
import { type DemoLogin, readDemoCredentials } from '../src/demo/credentials.ts';

const TARGET_RATIO = 0.3;
const CONNECTIONS = 64;
const PEER = `const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('hello') });
console.log(\`http://127.0.0.1:\${server.port}\`);`;

type Server = { readonly url: string; readonly process: Subprocess<'ignore', 'pipe', 'inherit'> };
type Target = { readonly url: string; readonly headers: Readonly<Record<string, string>> };
type Plan = { readonly pairs: number; readonly seconds: number; readonly warmUpSeconds: number };
type Pair = { readonly ours: number; readonly peer: number };

process.exit(await main(process.argv.slice(2)));

async function main(options: readonly string[]): Promise<number> {
  if (options.some((option) => option !== '--quick')) {
    process.stderr.write('Usage: bun run bench http [--quick]\n');
    return 2;
  }
  if (Bun.which('wrk') === null) {
    process.stderr.write('bench http needs wrk: install it with `apt install wrk` or `brew install wrk`\n');
    return 2;
  }
  const plan = options.includes('--quick')
    ? { pairs: 3, seconds: 3, warmUpSeconds: 3 }
    : { pairs: 7, seconds: 8, warmUpSeconds: 5 };
  const dataDir = mkdtempSync(join(tmpdir(), 'plimsoll-bench-http-'));
  const servers: Server[] = [];
  try {
    return await run(plan, dataDir, servers);
  } catch (error) {
    process.stderr.write(`bench http: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    for (const server of servers) {
      await stop(server);
    }
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function run(plan: Plan, dataDir: string, servers: Server[]): Promise<number> {
  // Seeded by one start and measured in the next, without the demo's market maker, which is a client.
  const main = [join(import.meta.dir, '..', 'src', 'main.ts')];
  await stop(await start(main, ownEnvironment(dataDir)));
  const product = await start(main, { ...ownEnvironment(dataDir), PLIMSOLL_DEMO: 'off' });
  servers.push(product);
  const hello = await start(['-e', PEER], process.env);
  servers.push(hello);
  const customer = readDemoCredentials(dataDir)?.customer;
  if (customer === undefined) {
    throw new Error('the demo firm was not seeded');
  }
  const ours: Target = {
    url: `${product.url}/v1/market/clock`,
    headers: { Authorization: `Bearer ${await accessToken(product.url, customer)}` },
  };
  const peer: Target = { url: `${hello.url}/`, headers: {} };
  await requireRealAnswer(ours);
  await requestsPerSecond(ours, plan.warmUpSeconds);
  await requestsPerSecond(peer, plan.warmUpSeconds);
  const pairs: Pair[] = [];
  for (let index = 0; index < plan.pairs; index += 1) {
    const pair = await measurePair(ours, peer, plan.seconds, index % 2 === 0);
    pairs.push(pair);
    process.stdout.write(
      `pair ${index + 1}/${plan.pairs}   ours ${rate(pair.ours)}   hello ${rate(pair.peer)}   ratio ${(pair.ours / pair.peer).toFixed(3)}\n`,
    );
  }
  return report(plan, pairs);
}

function report(plan: Plan, pairs: readonly Pair[]): number {
  const ours = pairs.map((pair) => pair.ours);
  const ratios = pairs.map((pair) => pair.ours / pair.peer);
  const ratio = median(ratios);
  const measure = {
    id: 'P9',
    ours: Math.round(median(ours)),
    peer: Math.round(median(pairs.map((pair) => pair.peer))),
    ratio: Math.round(ratio * 1000) / 1000,
    unit: 'requests/s',
    runs: pairs.length,
    median: Math.round(median(ours)),
    spread: Math.round(Math.max(...ours) - Math.min(...ours)),
  };
  const met = ratio >= TARGET_RATIO;
  process.stdout.write(
    `\nGET /v1/market/clock with an access token, ${CONNECTIONS} connections, ${plan.pairs} pairs of ${plan.seconds} s\n` +
      `${'measure'.padEnd(9)}${'ours'.padStart(12)}${'hello'.padStart(12)}${'ratio'.padStart(9)}${'target'.padStart(9)}\n` +
      `${'P9'.padEnd(9)}${rate(measure.ours)}${rate(measure.peer)}${ratio.toFixed(3).padStart(9)}${`>= ${TARGET_RATIO}`.padStart(9)}  ${met ? 'ok' : 'MISSED'}\n` +
      `ratios from ${Math.min(...ratios).toFixed(3)} to ${Math.max(...ratios).toFixed(3)}\n`,
  );
  process.stdout.write(`${JSON.stringify({ name: 'http', measures: [measure] })}\n`);
  return met ? 0 : 1;
}

/** A server as `bun start` runs it, with limits no benchmark meets and nothing of this shell's. */
function ownEnvironment(dataDir: string): Record<string, string | undefined> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(PLIMSOLL_|DATABASE_|SMTP_|MAIL_)/.test(name),
  );
  return {
    ...Object.fromEntries(kept),
    PORT: '0',
    HOST: '127.0.0.1',
    PLIMSOLL_DATA_DIR: dataDir,
    PLIMSOLL_RATE_LIMITS: 'address=60000000/60,read=60000000/60',
    LOG_LEVEL: 'silent',
  };
}

/** Starts a program and waits for the address it prints. */
async function start(
  arguments_: readonly string[],
  env: Record<string, string | undefined>,
): Promise<Server> {
  const child = Bun.spawn([process.execPath, ...arguments_], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  for await (const chunk of child.stdout) {
    printed += new TextDecoder().decode(chunk);
    const url = /(http:\/\/127\.0\.0\.1:\d+)/.exec(printed)?.[1];
    if (url !== undefined) {
      return { url, process: child };
    }
  }
  throw new Error('a server did not start');
}

async function stop(server: Server): Promise<void> {
  server.process.kill('SIGTERM');
  await server.process.exited;
}

async function accessToken(url: string, login: DemoLogin): Promise<string> {
  const { email, password, totpSecret } = login;
  const answer = await fetch(`${url}/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password, totp: codeOf(totpSecret, Date.now()) }),
  });
  const { accessToken: token } = (await answer.json()) as { readonly accessToken?: string };
  if (token === undefined) {
    throw new Error(`signing in answered ${answer.status}`);
  }
  return token;
}

/** What is measured is the whole path, or the figure means nothing. */
async function requireRealAnswer(target: Target): Promise<void> {
  const answer = await fetch(target.url, { headers: target.headers });
  const body = (await answer.json()) as { readonly now?: unknown };
  const limited = /^"read";r=\d+;t=\d+$/.test(answer.headers.get('ratelimit') ?? '');
  if (answer.status !== 200 || typeof body.now !== 'string' || !limited) {
    throw new Error(`GET ${target.url} answered ${answer.status} and is not what P9 measures`);
  }
  const { status } = await fetch(target.url);
  if (status !== 401) {
    throw new Error(`GET ${target.url} without a credential answered ${status}`);
  }
}

async function measurePair(ours: Target, peer: Target, seconds: number, oursFirst: boolean): Promise<Pair> {
  const first = await requestsPerSecond(oursFirst ? ours : peer, seconds);
  const second = await requestsPerSecond(oursFirst ? peer : ours, seconds);
  return oursFirst ? { ours: first, peer: second } : { ours: second, peer: first };
}

/** @errors Error when an answer was no success, or wrk lost connections */
async function requestsPerSecond(target: Target, seconds: number): Promise<number> {
  const headers = Object.entries(target.headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const wrk = Bun.spawn(['wrk', '-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, ...headers, target.url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const printed = await new Response(wrk.stdout).text();
  const figure = /^Requests\/sec:\s+([\d.]+)$/m.exec(printed)?.[1];
  if ((await wrk.exited) !== 0 || figure === undefined || /Non-2xx|Socket errors/.test(printed)) {
    throw new Error(`wrk on ${target.url} failed:\n${printed}`);
  }
  return Number(figure);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

function rate(value: number): string {
  return `${Math.round(value)}/s`.padStart(12);
}
