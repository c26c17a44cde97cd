/**
 * What tells a load balancer whether this node may serve. Parts of the process register a probe;
 * the node is ready when every probe says so. Fail closed: a probe that throws is not ready.
 */
import { perDeps } from './context.ts';

export type Probe = {
  readonly name: string;
  /** @shape null when all is well, else what is not, without personal data */
  readonly run: () => Promise<string | null>;
};

export type Readiness = {
  readonly ready: boolean;
  readonly failing: readonly { name: string; detail: string }[];
};

const probes = perDeps(() => new Map<string, Probe>());

type Owner = Parameters<typeof probes>[0];

/** Adds or replaces what readiness asks. */
export function registerProbe(deps: Owner, probe: Probe): void {
  probes(deps).set(probe.name, probe);
}

/** Asks every probe. */
export async function readiness(deps: Owner): Promise<Readiness> {
  const failing: { name: string; detail: string }[] = [];
  for (const probe of probes(deps).values()) {
    const detail = await probe.run().catch(() => 'the probe failed');
    if (detail !== null) {
      failing.push({ name: probe.name, detail });
    }
  }
  return { ready: failing.length === 0, failing };
}
