import { STAFF_ROLES } from '../../kernel/actor.ts';

export const STREAM_PATH = '/v1/stream';
export const STREAM_OPERATION = 'openStream';

/** Who may open a stream; each channel says for itself who may subscribe to it. */
export const STREAM_ACCESS = { customer: true, staff: STAFF_ROLES, scope: 'markets:read' } as const;
