/**
 * Wires the domains to HTTP. No side effects on import.
 */
import { Hono } from 'hono';
import type { Deps } from './platform/context.ts';
import type { Domain } from './platform/domain.ts';
import type { Authenticate } from './platform/http/authenticate.ts';
import { mountDocs } from './platform/http/docs.ts';
import type { Endpoint } from './platform/http/endpoint.ts';
import { type ClientAddress, type ClientLocation, mountEndpoints } from './platform/http/router.ts';

export type AppParts = {
  readonly domains: readonly Domain[];
  /** Operations of the platform itself: health, approvals, keys, sandbox. */
  readonly platformEndpoints: readonly Endpoint[];
  readonly authenticate: Authenticate;
  readonly clientAddress: ClientAddress;
  /** Unknown unless given. */
  readonly clientLocation?: ClientLocation;
};

/** Every operation the server answers. */
export function operationsOf(parts: Pick<AppParts, 'domains' | 'platformEndpoints'>): readonly Endpoint[] {
  return [...parts.platformEndpoints, ...parts.domains.flatMap((domain) => domain.endpoints)];
}

export function createApp(deps: Deps, parts: AppParts): Hono {
  const app = new Hono();
  const operations = operationsOf(parts);
  mountDocs(app, operations);
  mountEndpoints(app, deps, parts.authenticate, parts.clientAddress, operations, parts.clientLocation);
  return app;
}
