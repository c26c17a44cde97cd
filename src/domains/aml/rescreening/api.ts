import { wireOf } from '../../../platform/http/wire.ts';
import { rescreeningRuns } from './schema.ts';

export const Rescreening = wireOf(rescreeningRuns)
  .pick({
    id: true,
    cause: true,
    status: true,
    isFull: true,
    configHash: true,
    total: true,
    done: true,
    hits: true,
    skipped: true,
    requestedBy: true,
    startedAt: true,
    movedAt: true,
    finishedAt: true,
  })
  .openapi('Rescreening');
