import { describe, expect, test } from 'bun:test';
import { generateKeyPairSync } from 'node:crypto';
import { fromBase64, toBase64 } from './base64.ts';
import {
  formatCheckpoint,
  formatVerifierKey,
  NoteError,
  type NoteErrorCode,
  noteSigner,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  parseVerifierKey,
  signCheckpoint,
  signNote,
  verifierOf,
  verifyNote,
} from './checkpoint.ts';
import { EMPTY_ROOT } from './merkle.ts';
import { ENOCH, PETER, SOFA, SUMDB } from './published-vectors.ts';

const peter = parseVerifierKey(PETER.verifierKey);
const enoch = parseVerifierKey(ENOCH.verifierKey);
const seed = fromBase64(PETER.seed) ?? new Uint8Array();

function codeOf(act: () => unknown): NoteErrorCode | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof NoteError) {
      return error.code;
    }
    throw error;
  }
}

describe('published notes', () => {
  test('a known seed signs a known text to the known note', () => {
    const signer = noteSigner('PeterNeumann', seed);
    expect(signNote(PETER.text, [signer])).toBe(`${PETER.text}\n${PETER.signature}`);
    expect(formatVerifierKey(verifierOf(signer))).toBe(PETER.verifierKey);
  });

  test('a note verifies with either key or both, and ignores unknown ones', () => {
    const note = `${PETER.text}\n${PETER.signature}${ENOCH.signature}`;
    expect(verifyNote(note, [peter])).toEqual({ text: PETER.text, signedBy: ['PeterNeumann'] });
    expect(verifyNote(note, [enoch, peter]).signedBy).toEqual(['PeterNeumann', 'EnochRoot']);
    expect(codeOf(() => verifyNote(note, []))).toBe('signature_unknown');
  });

  test('a checkpoint of the Go checksum database verifies', () => {
    const checkpoint = openCheckpoint(SUMDB.note, [parseVerifierKey(SUMDB.verifierKey)]);
    expect(checkpoint.origin).toBe('go.sum database tree');
    expect(checkpoint.size).toBe(6_476_701);
    expect(toBase64(checkpoint.root)).toBe('mb8QLQIs0Z0yP5Cstq6guj87oXWeC9gEM8oVikmm9Wk=');
  });

  test('the example of the specification parses and is written back byte for byte', () => {
    const { text, signatures } = parseNote(SOFA);
    expect(formatCheckpoint(parseCheckpoint(text))).toBe(text);
    expect(signatures).toHaveLength(1);
    expect(signatures[0]?.keyId).toBe('033de0ae');
    expect(signNote(text, [], signatures)).toBe(SOFA);
  });
});

describe('verifier keys', () => {
  test('a key with any character changed or cut is refused', () => {
    const key = PETER.verifierKey;
    expect(codeOf(() => parseVerifierKey(key))).toBeUndefined();
    for (let at = 0; at < key.length; at += 1) {
      const next = String.fromCharCode(key.charCodeAt(at) + 1);
      expect(codeOf(() => parseVerifierKey(key.slice(0, at) + next + key.slice(at + 1)))).toBe(
        'verifier_key_malformed',
      );
      expect(codeOf(() => parseVerifierKey(key.slice(0, at)))).toBe('verifier_key_malformed');
      expect(codeOf(() => parseVerifierKey(key.slice(at + 1)))).toBe('verifier_key_malformed');
    }
  });

  test('a key of the wrong length or algorithm is refused although its id fits', () => {
    for (const key of [
      'PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==',
      'PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
    ]) {
      expect(codeOf(() => parseVerifierKey(key))).toBe('verifier_key_malformed');
    }
  });

  test('a generated key pair signs what its verifier key verifies', () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const signer = noteSigner('example.com/log', privateKey);
    const key = parseVerifierKey(formatVerifierKey(verifierOf(signer)));
    const checkpoint = { origin: 'example.com/log', size: 0, root: EMPTY_ROOT };
    expect(openCheckpoint(signCheckpoint(checkpoint, signer), [key])).toEqual(checkpoint);
  });

  test('a key name with a space or a plus sign, and a key that is not Ed25519, are programmer errors', () => {
    expect(() => noteSigner('a b', seed)).toThrow();
    expect(() => noteSigner('a+b', seed)).toThrow();
    expect(() => noteSigner('', seed)).toThrow();
    expect(() => noteSigner('a', seed.subarray(1))).toThrow();
    expect(() => noteSigner('a', generateKeyPairSync('x25519').privateKey)).toThrow();
  });
});

describe('refusals', () => {
  const note = `${PETER.text}\n${PETER.signature}`;

  test('a changed text or signature does not verify', () => {
    const alteredText = note.replace('answer', 'Answer');
    const alteredSignature = note.replace('ZJku', 'ZJkv');
    expect(codeOf(() => verifyNote(alteredText, [peter]))).toBe('signature_invalid');
    expect(codeOf(() => verifyNote(alteredSignature, [peter]))).toBe('signature_invalid');
  });

  test('a signature of a known key that fails refuses the note, whoever else signed', () => {
    const broken = `${PETER.text}\n${PETER.signature}${ENOCH.signature.replace('rwz+eBzm', 'rwz+eBzn')}`;
    expect(codeOf(() => verifyNote(broken, [peter, enoch]))).toBe('signature_invalid');
  });

  test('a key of the same name but another id is unknown', () => {
    const other = verifierOf(noteSigner('PeterNeumann', new Uint8Array(32)));
    expect(codeOf(() => verifyNote(note, [other]))).toBe('signature_unknown');
  });

  const malformed: readonly [string, string][] = [
    ['without signatures', PETER.text],
    ['with an empty signature block', `${PETER.text}\n`],
    ['without the last newline', note.slice(0, -1)],
    ['with a control character', `\u0001${note}`],
    ['with a carriage return', note.replaceAll('\n', '\r\n')],
    ['with a lone surrogate', `\ud800${note}`],
    ['with a name that has a space', note.replace('— PeterNeumann ', '— Peter Neumann ')],
    ['with a name that has a plus sign', note.replace('— PeterNeumann ', '— Peter+Neumann ')],
    ['with a hyphen for the dash', note.replace('— ', '- ')],
    ['with a line after the signatures', `${note}Unexpected line.\n`],
    ['with a signature that is not base64', note.replace('x08go', 'x08g!')],
    ['with a signature of four bytes', `${PETER.text}\n— PeterNeumann x08gow==\n`],
    ['with 101 signatures', `${PETER.text}\n${PETER.signature.repeat(101)}`],
  ];
  for (const [what, text] of malformed) {
    test(`refuses a note ${what}`, () => {
      expect(codeOf(() => verifyNote(text, [peter]))).toBe('note_malformed');
    });
  }

  const body = parseNote(SOFA).text;
  const checkpoints: readonly [string, string][] = [
    ['without the last newline', body.slice(0, -1)],
    ['without an origin', body.replace('example.com/behind-the-sofa', '')],
    ['without a root', body.split('\n').slice(0, 2).join('\n').concat('\n')],
    ['with a leading zero', body.replace('20852163', '020852163')],
    ['with a sign', body.replace('20852163', '+20852163')],
    ['with an exponent', body.replace('20852163', '2e7')],
    ['with a size beyond safe integers', body.replace('20852163', '9007199254740993')],
    ['with a root of 31 bytes', body.replace(/Cs.*/, `${Buffer.alloc(31).toString('base64')}`)],
    ['with a root without padding', body.replace('q2I=', 'q2I')],
    ['with stray bits in the root', body.replace('q2I=', 'q2J=')],
    ['with an empty extension line', `${body}\n`],
  ];
  for (const [what, text] of checkpoints) {
    test(`refuses a checkpoint ${what}`, () => {
      expect(codeOf(() => parseCheckpoint(text))).toBe('checkpoint_malformed');
    });
  }

  test('keeps extension lines of other logs', () => {
    expect(parseCheckpoint(`${body}extension 1\n`).extensions).toEqual(['extension 1']);
  });
});
