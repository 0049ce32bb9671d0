import { createHmac } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';

import { describe, expect, it } from '@jest/globals';

import { LocalUrlSigner } from '../../src/storage/local-url-signer.js';
import type { StoredFile } from '../../src/storage/url-signer.js';

const origin = 'https://exports.example.com';
const secret = 'the secret of these tests';
const signer = new LocalUrlSigner({ secrets: () => [secret], ttl: 900, origin: () => origin });
const file: StoredFile = { objectKey: 'exports/exp_1/contacts.csv', fileName: 'Contacts.csv' };
const unusual = { objectKey: 'ex ports/50%/größe.csv', fileName: 'Größe+1 "50%".csv' };

/** The path and query of a new link. */
function sign(of: StoredFile, by = signer): string {
  const { url } = by.sign(of);
  expect(url.startsWith(`${origin}/`)).toBe(true);
  return url.slice(origin.length);
}

function expectInvalid(target: string): void {
  expect([target, signer.verify(target)]).toEqual([target, { verdict: 'invalid' }]);
}

describe('a local link', () => {
  it('holds the key, the name, the expiry and an HMAC-SHA256 over all three', () => {
    const before = Math.floor(Date.now() / 1000);
    const { url, expiresAt } = signer.sign(file);
    const expires = Math.floor(expiresAt.getTime() / 1000);
    const signed = `["exports/exp_1/contacts.csv","Contacts.csv",${expires}]`;
    const signature = createHmac('sha256', secret).update(signed).digest('base64url');
    const query = `name=Contacts.csv&expires=${expires}&signature=${signature}`;
    expect(url).toBe(`${origin}/files/exports/exp_1/contacts.csv?${query}`);
    expect(expires - before - 900).toBeGreaterThanOrEqual(0);
    expect(expires * 1000).toBeLessThanOrEqual(Date.now() + 900_000);
  });

  it('does not outlive its export, in whole seconds', () => {
    const now = Date.now();
    const lifetimes = [60_000, 1_999_999, null].map((ms) => {
      const notAfter = ms === null ? null : new Date(now + ms);
      const { url, expiresAt } = signer.sign(file, notAfter);
      expect(url).toContain(`&expires=${expiresAt.getTime() / 1000}&`);
      return (expiresAt.getTime() - now) / 1000;
    });
    expect(lifetimes[0]).toBeLessThanOrEqual(60);
    expect(lifetimes[0]).toBeGreaterThan(59);
    for (const lifetime of lifetimes.slice(1)) expect(lifetime).toBeGreaterThan(899);
  });

  it('ignores the parameters that mail and analytics tools add', () => {
    const target = sign(unusual);
    const valid = { verdict: 'valid', file: unusual };
    const added = 'utm_source=mail&utm_medium=email&fbclid=Iw&gclid=C%2FA&mc_eid=1&mc_eid=2&x';
    expect(signer.verify(`${target}&${added}`)).toEqual(valid);
    expect(signer.verify(target.replace('?', `?${added}&`))).toEqual(valid);
  });

  it('starts with the origin at the time of signing', () => {
    let port = 1;
    const moving = new LocalUrlSigner({
      secrets: () => [secret],
      ttl: 1,
      origin: () => `http://127.0.0.1:${port}`,
    });
    for (; port < 3; port++) {
      expect(moving.sign(file).url).toMatch(`http://127.0.0.1:${port}/files/`);
    }
  });

  it('is valid until its expiry and expired from then on', () => {
    const { url, expiresAt } = signer.sign(file);
    const verdictAt = (ms: number) =>
      signer.verify(url.slice(origin.length), new Date(expiresAt.getTime() + ms)).verdict;
    expect([-1, 0, 1e12].map(verdictAt)).toEqual(['valid', 'expired', 'expired']);
  });

  it('is invalid with another secret, and when it is altered after its expiry', () => {
    const other = new LocalUrlSigner({
      secrets: () => [`${secret}.`],
      ttl: 900,
      origin: () => origin,
    });
    expectInvalid(sign(file, other));
    const target = sign(
      file,
      new LocalUrlSigner({ secrets: () => [secret], ttl: -3_600, origin: () => origin }),
    );
    expect(signer.verify(target)).toEqual({ verdict: 'expired' });
    expectInvalid(target.replace('contacts.csv', 'contacts.json'));
  });

  it.each<[what: string, objectKey: string, fileName: string]>([
    ['percent-encodings', '100% /%2e%2e/a+b%.csv', ' 100% %41+%.csv'],
    ['the separators of URLs', 'a?name=x&expires=9#b', 'a&expires=1=#?.csv'],
    ['quotes and the end of a JSON array', `a'b\`c\\","b",1]`, `"it's"\\",2]`],
    ['line breaks and tabs', 'a\r\nb\tc', 'a\r\nb\tc.csv'],
    ['both normal forms of é', 'e\u0301/\u00e9', 'e\u0301 \u00e9.csv'],
    ['slashes and dots', '/a/../..//b/', '../a/b.csv'],
    ['empty text', '', ''],
    ['the longest names', '🎉'.repeat(512), '表'.repeat(255)],
  ])('preserves %s in key and name', (_, objectKey, fileName) => {
    const target = sign({ objectKey, fileName });
    const valid = { verdict: 'valid', file: { objectKey, fileName } };
    expect(target).toMatch(/^\/files\/[\w\-.!~*'()%/]*\?[\w\-.!~*'()%=&]*$/);
    expect(signer.verify(target)).toEqual(valid);
    // A URL parser, such as a browser's, changes dot segments only.
    if (objectKey.includes('..')) return;
    const { pathname, search } = new URL(`${origin}${target}`);
    expect(signer.verify(pathname + search)).toEqual(valid);
  });
});

/**
 * Percent-encoding has several spellings of one text (%2f, %2F and a slash; a plus and %20 in a query; invalid UTF-8 and U+FFFD).
 * Another spelling is the same link, so these tests assert that every valid link means the same, not that it reads the same.
 */
describe('an altered link', () => {
  const characters = Array.from('09aczAZ%+/?&=#.-_ ;~é\0');

  const timeAndSignature = (target: string) => {
    const query = new URLSearchParams(target.split('?')[1]);
    return [query.get('expires'), query.get('signature')];
  };
  function effectOf(altered: string, target: string, of: StoredFile): string {
    const link = signer.verify(altered);
    if (link.verdict !== 'valid') return link.verdict;
    const isSame = isDeepStrictEqual(
      [link.file, timeAndSignature(altered)],
      [of, timeAndSignature(target)],
    );
    return isSame ? 'same' : 'FORGED';
  }

  it.each([file, unusual])(
    'is invalid or the same link after any edit of one character: $objectKey',
    (of) => {
      const target = sign(of);
      const effects = new Set<string>();
      for (let at = 0; at <= target.length; at++) {
        const current = target[at] ?? '';
        for (const text of ['', ...characters.flatMap((one) => [one, one + current])]) {
          const altered = target.slice(0, at) + text + target.slice(at + 1);
          if (altered !== target) effects.add(effectOf(altered, target, of));
        }
      }
      // Never FORGED; an empty parameter, for example, changes nothing.
      expect([...effects].sort()).toEqual(['invalid', 'same']);
    },
  );

  it.each([
    ['a/b', 'a%2fb'],
    ['%C3%BC', '%c3%bc'],
    ['%20', '+'],
    ['name=a', 'name=%61'],
  ])('is the same link with %s as %s', (encoding, other) => {
    const of = { objectKey: 'a/b/ü.csv', fileName: 'a b.csv' };
    expect(signer.verify(sign(of).replace(encoding, other))).toEqual({
      verdict: 'valid',
      file: of,
    });
  });

  it('is invalid with other values, a repeated parameter, or its signature in another encoding', () => {
    const target = sign(file);
    const [, expires = '', signature = ''] = /expires=(\d+)&signature=(.+)$/.exec(target) ?? [];
    const bytes = Buffer.from(signature, 'base64url');
    const later = String(Number(expires) + 1_000_000);
    // Decoders ignore two bits of the last of 43 characters.
    const lasts = Array.from('AQgwBRhxCSiyDTjzEUk0FVl1GWm2HXn3IYo4JZp5Kaq6Lbr7Mcs8Ndt9Oeu-Pfv_');
    const more = ['&name=evil.html', '&signature=AAAA', '&expires=1', '?junk=1'];
    const edits = {
      'contacts.csv?': ['contacts.json?'],
      'exp_1/': ['exp_1/./', 'exp_1/x/../'],
      'name=Contacts.csv&': ['name=&', '', 'name=x&name=Contacts.csv&'],
      [expires]: [later, `${expires}.0`, `${expires}e0`, '9'.repeat(20), `9&expires=${expires}`],
      [`expires=${expires}&`]: [''],
      [signature]: [
        ...['', signature.toLowerCase(), bytes.toString('hex')],
        bytes.subarray(0, 16).toString('base64url'),
        ...lasts.map((last) => signature.slice(0, -1) + last),
        ...more.map((parameter) => signature + parameter),
      ],
      [`&signature=${signature}`]: [''],
    };
    const altered = Object.entries(edits).flatMap(([from, others]) =>
      others.map((to) => target.replace(from, to)),
    );
    expect(altered.filter((each) => each === target)).toHaveLength(1);
    altered.filter((each) => each !== target).forEach(expectInvalid);
  });

  it('is invalid when it is not a link at all', () => {
    const malformed = ['/files/%', '/files/%zz?name=%zz', '/filesx'];
    for (const target of ['', '/', '?', '/files/', '/files/?', ...malformed]) {
      expectInvalid(target);
      expectInvalid(`${target}?name=a&expires=9999999999&signature=x`);
    }
  });
});
