/**
 * `bun run bench orders|prices|screening|rescreening|engine|fuzz|http|ledger|sealing [options]`: runs one benchmark as a process of its own and passes its
 * exit code on: 0 targets met, 1 a target missed, 2 wrong use or a missing tool.
 */
import { join } from 'node:path';

const BENCHES: Readonly<Record<string, string>> = {
  screening: 'bench-screening.ts',
  rescreening: 'bench-rescreening.ts',
  engine: 'bench-engine.ts',
  fuzz: 'fuzz-engine.ts',
  http: 'bench-http.ts',
  ledger: 'bench-ledger.ts',
  export: 'bench-export.ts',
  search: 'bench-search.ts',
  sealing: 'bench-sealing.ts',
  orders: 'bench-orders.ts',
  prices: 'bench-prices.ts',
  rotation: 'bench-rotation.ts',
};

const [name = '', ...options] = process.argv.slice(2);
const script = BENCHES[name];
if (script === undefined) {
  process.stderr.write(`Usage: bun run bench ${Object.keys(BENCHES).join('|')} [options]\n`);
  process.exit(2);
}
const bench = Bun.spawn([process.execPath, join(import.meta.dir, script), ...options], {
  stdio: ['inherit', 'inherit', 'inherit'],
});
// Whoever ends this ends the benchmark, and with it what that has started.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => bench.kill(signal));
}
process.exit(await bench.exited);
