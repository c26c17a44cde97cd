import { amlDrivers, auditDrivers, kycDrivers } from './compliance.ts';
import type { Drivers } from './driver.ts';
import { marketDrivers, orderDrivers } from './markets.ts';
import { accountDrivers, depositDrivers, ledgerDrivers, withdrawalDrivers } from './money.ts';
import { approvalDrivers, meDrivers, signInDrivers, staffDrivers } from './people.ts';

/** How each operation is brought to success; an operation without a driver fails the coverage tests. */
export const allDrivers: Drivers = {
  ...approvalDrivers,
  ...signInDrivers,
  ...meDrivers,
  ...staffDrivers,
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
