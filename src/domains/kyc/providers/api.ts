import { z } from '@hono/zod-openapi';
import { wireId, wireOf } from '../../../platform/http/wire.ts';
import { SESSION_STATUSES } from './kyc-provider.ts';
import { kycProviderImages, kycProviderSessions } from './schema.ts';

export const OpenedProviderSession = z
  .object({
    id: wireId,
    provider: z.string(),
    status: z.enum(SESSION_STATUSES),
    /** Where the applicant goes on; whoever has it may act as them there. */
    url: z.string(),
  })
  .openapi('KycProviderSessionOpened');

export const ProviderSessionView = wireOf(kycProviderSessions)
  .pick({ id: true, applicationId: true, userId: true, provider: true, createdAt: true, fetchedAt: true })
  .extend({
    status: z.enum(SESSION_STATUSES),
    /** What to look at: what differs from the declaration, and what the provider found. */
    findings: z.array(z.string()),
    images: z.array(
      wireOf(kycProviderImages)
        .pick({ name: true, documentId: true, failure: true })
        .extend({ status: z.enum(['waiting', 'copied', 'failed']) }),
    ),
  })
  .openapi('KycProviderSession');

export const ProviderEventReceipt = z
  .object({ eventId: z.string(), state: z.enum(['taken', 'kept']) })
  .openapi('KycProviderEventReceipt');
