import { breakGlassDrivers } from './break-glass.ts';
import { amlDrivers, auditDrivers, kycDrivers } from './compliance.ts';
import type { Drivers } from './driver.ts';
import { factorDrivers } from './factors.ts';
import { keyDrivers } from './keys.ts';
import { marketDrivers, orderDrivers } from './markets.ts';
import { accountDrivers, depositDrivers, ledgerDrivers, withdrawalDrivers } from './money.ts';
import { approvalDrivers, meDrivers, signInDrivers, staffDrivers } from './people.ts';
import { privacyDrivers } from './privacy.ts';
import { sessionDrivers } from './sessions.ts';

/** How each operation is brought to success; an operation without a driver fails the coverage tests. */
export const allDrivers: Drivers = {
  ...approvalDrivers,
  ...signInDrivers,
  ...breakGlassDrivers,
  ...meDrivers,
  ...factorDrivers,
  ...keyDrivers,
  ...sessionDrivers,
  ...staffDrivers,
  ...privacyDrivers,
  ...accountDrivers,
  ...ledgerDrivers,
  ...kycDrivers,
  ...amlDrivers,
  ...marketDrivers,
  ...depositDrivers,
  ...withdrawalDrivers,
  ...orderDrivers,
  ...auditDrivers,
};
