/**
 * The OpenAPI document and the reference UI, served by the app itself: no request to another host,
 * under a strict content security policy with a nonce per page.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Scalar } from '@scalar/hono-api-reference';
import type { Hono } from 'hono';
import { type Operations, openapiDocument } from './openapi.ts';
import { problemPage } from './problem-pages.ts';
import { VERSION } from './version.ts';

const BUNDLE = 'standalone.js';

/** Mounts `/openapi.json`, `/docs`, its one script, and the pages behind problem types. */
export function mountDocs(app: Hono, operations: Operations): void {
  let document: string | undefined;
  app.get('/openapi.json', (context) => {
    document ??= JSON.stringify(openapiDocument(operations, VERSION));
    return context.body(document, 200, { 'content-type': 'application/json' });
  });
  app.get('/docs', (context, next) => {
    const nonce = randomBytes(16).toString('base64');
    context.header(
      'content-security-policy',
      `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`,
    );
    return Scalar({
      url: '/openapi.json',
      cdn: `/assets/${BUNDLE}`,
      withDefaultFonts: false,
      telemetry: false,
      agent: { disabled: true },
      mcp: { disabled: true },
      nonce,
    })(context, next);
  });
  app.get(`/assets/${BUNDLE}`, async (context) => {
    const bundle = await readFile(bundlePath());
    return context.body(new Uint8Array(bundle), 200, {
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=86400',
    });
  });
  app.get('/problems/:code', (context, next) => {
    const page = problemPage(operations, context.req.param('code'));
    return page === undefined ? next() : context.text(page, 200);
  });
}

function bundlePath(): string {
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve('@scalar/api-reference/package.json')), 'dist', 'browser', BUNDLE);
}
