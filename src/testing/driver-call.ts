import { present } from '../kernel/assert.ts';
import { allDrivers } from './drivers/all-drivers.ts';
import type { OperationCall, World } from './world.ts';

class Stop extends Error {}

/**
 * What the operation's driver would send, everything before it done but the call itself: a real object of
 * somebody's, and a valid body.
 */
export async function driverCall(world: World, operationId: string): Promise<OperationCall> {
  let sent: OperationCall | undefined;
  const call: World['call'] = async (name, asked = {}) => {
    if (name !== operationId) {
      return world.call(name, asked);
    }
    sent = asked;
    throw new Stop();
  };
  const drive = present(allDrivers[operationId], `${operationId} has a driver`);
  await Promise.resolve(drive({ ...world, call })).catch((stop: unknown) => {
    if (!(stop instanceof Stop)) {
      throw stop;
    }
  });
  return present(sent, `the driver of ${operationId} calls it`);
}
