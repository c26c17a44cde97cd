/** Processor time from /proc, which says more than the clock where others use the machine too. */
import { readdirSync, readFileSync } from 'node:fs';

/** Of Linux, whatever the machine. */
const TICK_US = 10_000;

/** What a process has used. @units microseconds; NaN where there is no /proc */
export function processUs(pid: number): number {
  const fields = fieldsOf(pid);
  return fields === null ? Number.NaN : ((fields[11] ?? 0) + (fields[12] ?? 0)) * TICK_US;
}

/** What a PostgreSQL has used, with the backends that have ended. @units microseconds; NaN where there is no /proc */
export function serverUs(postmaster: number): number {
  const own = fieldsOf(postmaster);
  if (own === null) {
    return Number.NaN;
  }
  let ticks = own.slice(11, 15).reduce((sum, field) => sum + field, 0);
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const fields = fieldsOf(Number.parseInt(pid, 10));
    ticks += fields?.[1] === postmaster ? (fields[11] ?? 0) + (fields[12] ?? 0) : 0;
  }
  return ticks * TICK_US;
}

/**
 * How long the main thread of a process was ready to run and had no processor: what the clock says beyond it and what it
 * used is its own. @units microseconds; NaN where the kernel does not say it
 */
export function waitedUs(pid: number): number {
  try {
    const [, waitedNs = ''] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ');
    return Number.parseInt(waitedNs, 10) / 1_000;
  } catch {
    return Number.NaN;
  }
}

/** The fields of a process after its name; null where it has ended. */
function fieldsOf(pid: number): readonly number[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const rest = stat.slice(stat.lastIndexOf(') ') + 2).split(' ');
    return rest.map((field) => Number.parseInt(field, 10));
  } catch {
    return null;
  }
}
