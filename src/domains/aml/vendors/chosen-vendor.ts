import type { Deps } from '../../../platform/context.ts';
import { marbleVendor } from './marble.ts';
import type { MonitoringVendor } from './monitoring-vendor.ts';
import type { ScreeningVendor } from './vendor.ts';
import { yenteVendor } from './yente.ts';

/** The vendor that screens beside this program; undefined where it screens alone. */
export function chosenVendor({ screeningVendor }: Deps): ScreeningVendor | undefined {
  return screeningVendor === null ? undefined : yenteVendor(screeningVendor);
}

/** The vendor that watches beside this program; undefined where it watches alone. */
export function chosenMonitoringVendor({ monitoringVendor }: Deps): MonitoringVendor | undefined {
  return monitoringVendor === null ? undefined : marbleVendor(monitoringVendor);
}
