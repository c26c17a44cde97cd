import { Encrypter } from 'age-encryption';

/**
 * Encrypts a file to a recipient in the age format while it is made: whoever holds the recipient's identity
 * opens it with `age -d`, and nobody else does.
 * @errors throws Error where the recipient is none
 * @source https://age-encryption.org/v1
 */
export async function* ageEncrypted(
  recipient: string,
  parts: AsyncIterable<string | Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  const iterator = parts[Symbol.asyncIterator]();
  const plain = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { done, value } = await iterator.next();
      if (done) {
        controller.close();
      } else {
        // A copy: what the parts have yielded is good only until the next is asked for.
        controller.enqueue(
          typeof value === 'string' ? new Uint8Array(Buffer.from(value, 'utf8')) : new Uint8Array(value),
        );
      }
    },
    cancel: async () => {
      await iterator.return?.();
    },
  });
  for await (const chunk of await encrypter.encrypt(plain)) {
    yield chunk;
  }
}

/** Whether files can be encrypted to it: a mistyped one is told by its checksum. */
export function isAgeRecipient(text: string): boolean {
  try {
    new Encrypter().addRecipient(text);
    return true;
  } catch {
    return false;
  }
}
