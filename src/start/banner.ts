import type { Config } from '../config.ts';
import type { DemoCredentials } from '../demo/credentials.ts';

export type BannerFacts = {
  readonly config: Config;
  readonly url: string;
  readonly database: string;
  readonly seconds: string;
  /** Named where the installation is in recovery. */
  readonly recovery: { readonly cause: string } | null;
  readonly demo: { readonly path: string; readonly credentials: DemoCredentials } | null;
};

/** What a person needs to go on: where it is, who can sign in, one command to try. */
export function bannerText(facts: BannerFacts): string {
  const lines = [
    '',
    `Plimsoll ${facts.recovery === null ? 'is ready' : 'serves reads'} after ${facts.seconds} s (${facts.config.mode}, ${facts.database})`,
    '',
    `  API        ${facts.url}/v1`,
    `  Reference  ${facts.url}/docs`,
    `  OpenAPI    ${facts.url}/openapi.json`,
  ];
  if (facts.recovery !== null) {
    lines.push('', `  IN RECOVERY (${facts.recovery.cause}): nothing moves; see docs/runbooks/restore.md`);
  }
  if (facts.demo !== null) {
    lines.push('', ...demoLines(facts.url, facts.demo.path, facts.demo.credentials));
  }
  return `${lines.join('\n')}\n`;
}

function demoLines(url: string, path: string, credentials: DemoCredentials): string[] {
  const width = Math.max(...Object.keys(credentials).map((name) => name.length));
  return [
    '  Logins of the demo firm:',
    ...Object.entries(credentials).map(([name, login]) => `    ${name.padEnd(width)}  ${login.email}`),
    '',
    `  Their passwords, second factors and test API keys lie in ${path}`,
    '',
    '  Try it:',
    `    curl -s ${url}/v1/accounts -H "Authorization: Bearer $(sed -n 's/.*"apiKey": "\\(.*\\)".*/\\1/p' ${path} | head -1)"`,
    '',
    '  The whole journey, in another terminal: bun run demo',
  ];
}
