/**
 * The published list of common passwords, about fifty thousand in order of use, without a network. It
 * is read on first need, since it takes some twenty milliseconds and a dozen megabytes.
 */
let common: Promise<ReadonlySet<string>> | undefined;

/** Common passwords in lower case. @source the lists zxcvbn compiles from published breaches */
export function commonPasswords(): Promise<ReadonlySet<string>> {
  common ??= readList();
  return common;
}

async function readList(): Promise<ReadonlySet<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common');
  return new Set(dictionary['passwords-common'].map(String));
}
