/** Re-screening in a process of its own, which a test can kill at any point of it. */
import type { Subprocess } from 'bun';
import { allDomains } from '../../../../domains.ts';
import { newId } from '../../../../kernel/id.ts';
import { machineCtx } from '../../../../platform/context.ts';
import type { Foundation } from '../../../../testing/foundation.ts';
import { startNode } from '../../../../testing/second-node.ts';
import { rescreen } from '../rescreen.ts';

type Place = { readonly dataDir: string; readonly connections: Foundation['database']['connections'] };

/** Starts a process that goes over everybody who is behind, one person at a time. */
export function startRescreenProcess({ deps, database }: Foundation): Subprocess<'ignore', 'ignore', 'pipe'> {
  const place: Place = { dataDir: deps.dataDir, connections: database.connections };
  return Bun.spawn([process.execPath, import.meta.path, JSON.stringify(place)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

async function main(argument: string): Promise<void> {
  const { dataDir, connections } = JSON.parse(argument) as Place;
  const node = startNode({ deps: { dataDir }, database: { connections } } as Foundation, allDomains);
  await rescreen(machineCtx(node.deps, { kind: 'system', name: 'test' }, newId()), 1);
  await node.close();
}

if (import.meta.main) {
  await main(process.argv.at(-1) ?? '');
}
