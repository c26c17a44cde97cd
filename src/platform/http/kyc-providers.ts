/** What a provider of identity checks is called with; its secrets sign what it sends, the newest first. */
export type KycProviderSettings = {
  readonly workflowId: string;
  readonly apiKey: string;
  readonly secrets: readonly string[];
  /** Where its API is, without a slash at the end. */
  readonly url: string;
};

/** By provider. */
export type KycProviders = ReadonlyMap<string, KycProviderSettings>;

/** Where each provider this program knows is, unless it is said otherwise. */
const ADDRESSES: Readonly<Record<string, string>> = { didit: 'https://verification.didit.me' };

const MEMBER = /^(workflow|key|secret|url)=([\x21-\x2b\x2d-\x3a\x3c-\x7e]+)$/;
const SECRET_MIN = 32;
const SECRETS_MAX = 2;

/**
 * Reads `provider:workflow=…;key=…;secret=…`, with a second `secret` while it is changed and `url` where it is not
 * the provider's own; several providers are separated by commas.
 * @errors Error that names neither key nor secret
 */
export function parseKycProviders(text: string): KycProviders {
  const found = new Map<string, KycProviderSettings>();
  for (const entry of text.split(',')) {
    const [, name = '', rest = ''] = /^([a-z]{1,32}):(.+)$/.exec(entry.trim()) ?? [];
    const address = ADDRESSES[name];
    if (address === undefined || found.has(name)) {
      throw new Error('must list provider:workflow=…;key=…;secret=…, each provider once, of: didit');
    }
    found.set(name, settingsOf(rest, address));
  }
  return found;
}

function settingsOf(text: string, address: string): KycProviderSettings {
  const members = text.split(';').map((member) => {
    const [, key, value = ''] = MEMBER.exec(member) ?? [];
    return { key, value };
  });
  const all = (wanted: string) => members.filter(({ key }) => key === wanted).map(({ value }) => value);
  const [workflowId, apiKey, url] = [all('workflow'), all('key'), all('url')];
  const secrets = all('secret');
  const given =
    members.every(({ key }) => key !== undefined) && workflowId.length === 1 && apiKey.length === 1;
  if (!given || url.length > 1 || secrets.length === 0 || secrets.length > SECRETS_MAX) {
    throw new Error('must give each provider one workflow, one key, one or two secrets, and one url at most');
  }
  if (secrets.some((secret) => secret.length < SECRET_MIN)) {
    throw new Error(`must give secrets of ${SECRET_MIN} characters or more`);
  }
  return {
    workflowId: workflowId[0] ?? '',
    apiKey: apiKey[0] ?? '',
    secrets,
    url: addressOf(url[0] ?? address),
  };
}

/** Plain http goes to this machine alone, and only in the sandbox. */
function addressOf(text: string): string {
  const url = URL.parse(text);
  const local = url?.hostname === '127.0.0.1' || url?.hostname === 'localhost';
  if (url === null || (url.protocol !== 'https:' && !(url.protocol === 'http:' && local))) {
    throw new Error('must give an https address');
  }
  return text.replace(/\/+$/u, '');
}
