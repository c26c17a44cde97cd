/**
 * `bun run check [guard…]`: everything that can be known without running the product. No database, no
 * network. Exit 0 when all guards hold, 1 when one does not, 2 on a missing tool or an unknown guard.
 */
import { type Guard, guards } from './check/guards.ts';
import { MissingTool, repositoryRoot } from './check/tool.ts';

type Verdict = 'holds' | 'fails' | 'missing';

/** Enough to keep the cores busy: the slow guards are processes of their own. */
const AT_ONCE = 4;

process.exit(await check(process.argv.slice(2)));

async function check(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !guards.some((guard) => guard.name === name));
  if (unknown.length > 0) {
    console.error(
      `no guard ${unknown.join(', ')}; there are ${guards.map((guard) => guard.name).join(', ')}`,
    );
    return 2;
  }
  const waiting = guards.filter((guard) => names.length === 0 || names.includes(guard.name));
  const verdicts: Verdict[] = [];
  const work = async (): Promise<void> => {
    for (let guard = waiting.shift(); guard !== undefined; guard = waiting.shift()) {
      verdicts.push(await run(guard));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (verdicts.includes('missing')) {
    return 2;
  }
  return verdicts.includes('fails') ? 1 : 0;
}

async function run(guard: Guard): Promise<Verdict> {
  const startedAt = performance.now();
  try {
    const faults = await guard.find(repositoryRoot);
    report(guard, startedAt, faults.length === 0 ? 'ok' : 'FAIL', faults);
    return faults.length === 0 ? 'holds' : 'fails';
  } catch (error) {
    if (!(error instanceof MissingTool)) {
      throw error;
    }
    report(guard, startedAt, 'GONE', [error.message]);
    return 'missing';
  }
}

function report(guard: Guard, startedAt: number, word: string, lines: readonly string[]): void {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${word.padEnd(5)} ${guard.name.padEnd(12)} ${seconds.padStart(5)} s`);
  for (const line of lines) {
    console.log(line.replace(/^/gm, '      '));
  }
}
