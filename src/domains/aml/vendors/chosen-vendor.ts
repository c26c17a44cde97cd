import type { Deps } from '../../../platform/context.ts';
import type { ScreeningVendor } from './vendor.ts';
import { yenteVendor } from './yente.ts';

/** The vendor an operator set up; undefined where this program screens alone. */
export function chosenVendor({ screeningVendor }: Deps): ScreeningVendor | undefined {
  return screeningVendor === null ? undefined : yenteVendor(screeningVendor);
}
