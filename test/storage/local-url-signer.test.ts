import { createHmac } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { StoredFile } from '../../src/storage/url-signer.js';
import { LocalUrlSigner } from '../../src/storage/local-url-signer.js';
import { loadOrCreateSigningSecret } from '../../src/storage/signing-secret.js';

const origin = 'https://exports.example.com';
const secret = 'the secret of these tests';
const links = new LocalUrlSigner({ secret, ttl: 900, origin: () => origin });
const file: StoredFile = { objectKey: 'exports/exp_1/contacts.csv', fileName: 'Contacts.csv' };

/** The path and query that a server sees of a link. */
function targetOf(url: string): string {
  expect(url.startsWith(`${origin}/`)).toBe(true);
  return url.slice(origin.length);
}

async function signed(of: StoredFile, by = links): Promise<string> {
  return targetOf(by.sign(of).url);
}

describe('a local link', () => {
  it('holds the key, the name, the expiry and a signature', async () => {
    const before = Math.floor(Date.now() / 1000);
    const { url, expiresAt } = links.sign(file);
    const after = Math.floor(Date.now() / 1000);
    const [, expires, signature] =
      /^https:\/\/exports\.example\.com\/files\/exports\/exp_1\/contacts\.csv\?name=Contacts\.csv&expires=(\d+)&signature=([\w-]{43})$/.exec(
        url,
      ) ?? [];
    expect(signature).toBeDefined();
    expect(Number(expires)).toBeGreaterThanOrEqual(before + 900);
    expect(Number(expires)).toBeLessThanOrEqual(after + 900);
    expect(expiresAt.getTime()).toBe(Number(expires) * 1000);
  });

  it('is signed with HMAC-SHA256 over key, name and expiry', async () => {
    const url = new URL(links.sign(file).url);
    const expected = createHmac('sha256', secret)
      .update(
        `["exports/exp_1/contacts.csv","Contacts.csv",${String(url.searchParams.get('expires'))}]`,
      )
      .digest('base64url');
    expect(url.searchParams.get('signature')).toBe(expected);
  });

  it('starts with the origin of the moment', async () => {
    let port = 1;
    const moving = new LocalUrlSigner({ secret, ttl: 1, origin: () => `http://127.0.0.1:${port}` });
    expect(moving.sign(file).url).toMatch(/^http:\/\/127\.0\.0\.1:1\/files\//);
    port = 2;
    expect(moving.sign(file).url).toMatch(/^http:\/\/127\.0\.0\.1:2\/files\//);
  });

  it('is genuine and says which file it is for', async () => {
    expect(links.check(await signed(file))).toEqual({ verdict: 'valid', file });
  });

  it('works until its expiry and not a moment longer', async () => {
    const { url, expiresAt } = links.sign(file);
    const lastMoment = new Date(expiresAt.getTime() - 1);
    expect(links.check(targetOf(url), lastMoment).verdict).toBe('valid');
    expect(links.check(targetOf(url), expiresAt)).toEqual({ verdict: 'expired' });
    expect(links.check(targetOf(url), new Date(expiresAt.getTime() + 1e12))).toEqual({
      verdict: 'expired',
    });
  });

  it('that expired and was altered is forged, not expired', async () => {
    const past = new LocalUrlSigner({ secret, ttl: -3_600, origin: () => origin });
    const target = await signed(file, past);
    expect(links.check(target)).toEqual({ verdict: 'expired' });
    expect(links.check(target.replace('contacts.csv', 'contacts.json'))).toEqual({
      verdict: 'invalid',
    });
  });

  it('of another secret is forged', async () => {
    const other = new LocalUrlSigner({ secret: `${secret}.`, ttl: 900, origin: () => origin });
    expect(links.check(await signed(file, other))).toEqual({ verdict: 'invalid' });
  });

  it.each<StoredFile & { what: string }>([
    { what: 'spaces', objectKey: 'a b/ c .csv', fileName: ' two  words .csv' },
    { what: 'plus signs', objectKey: 'a+b/c+.csv', fileName: 'a+b +.csv' },
    { what: 'percent signs', objectKey: '100%/%2e%2e/%.csv', fileName: '100% %41%.csv' },
    { what: 'number signs', objectKey: 'a#b.csv', fileName: '#1.csv' },
    { what: 'question marks', objectKey: 'a?name=x&expires=9.csv', fileName: 'really?.csv' },
    { what: 'ampersands and equals signs', objectKey: 'a&b=c', fileName: 'a&expires=1=.csv' },
    { what: 'quotes and backslashes', objectKey: `"a'b\`c\\d"`, fileName: `"it's"\\.csv` },
    { what: 'brackets that a JSON array ends with', objectKey: 'a","b",1]', fileName: '",2]' },
    {
      what: 'semicolons, commas and the like',
      objectKey: 'a;b,c:d@e!$*()',
      fileName: 'a;b,c:d*.csv',
    },
    { what: 'line breaks and tabs', objectKey: 'a\r\nb\tc', fileName: 'a\r\nb\tc.csv' },
    {
      what: 'letters of the world',
      objectKey: 'größe/表/اب/🎉.csv',
      fileName: 'Größe 表 اب 🎉.csv',
    },
    { what: 'two ways to write é', objectKey: 'e\u0301/\u00e9', fileName: 'e\u0301 \u00e9.csv' },
    { what: 'slashes at the edges', objectKey: '/a//b/', fileName: 'a/b.csv' },
    { what: 'dots', objectKey: '../../etc/passwd', fileName: '..' },
    { what: 'nothing', objectKey: '', fileName: '' },
    {
      what: 'as many characters as a key has',
      objectKey: 'k'.repeat(512),
      fileName: 'n'.repeat(255),
    },
    { what: 'as many long ones', objectKey: '🎉'.repeat(512), fileName: '表'.repeat(255) },
  ])('keeps $what', async ({ objectKey, fileName }) => {
    const target = await signed({ objectKey, fileName });
    expect(target).toMatch(/^\/files\/[\w\-.!~*'()%/]*\?[\w\-.!~*'()%=&]*$/);
    expect(links.check(target)).toEqual({ verdict: 'valid', file: { objectKey, fileName } });
    // As a browser or fetch would write it: only dots in a path are theirs to change.
    if (!objectKey.includes('..')) {
      const { pathname, search } = new URL(`${origin}${target}`);
      expect(links.check(pathname + search).verdict).toBe('valid');
    }
  });

  it('never stands for another file with the same characters', async () => {
    const one = new URL(`${origin}${await signed({ objectKey: 'ab', fileName: 'c' })}`);
    const other = new URL(`${origin}${await signed({ objectKey: 'a', fileName: 'bc' })}`);
    expect(one.searchParams.get('signature')).not.toBe(other.searchParams.get('signature'));
  });
});

/**
 * Percent-encoding has several spellings of one text (%2f, %2F and a plain slash; a plus and %20 in a query; text that is
 * no UTF-8 and U+FFFD). A link in another spelling is the same link: same file, same name, same expiry, and the very
 * same characters of the signature. So what is asserted is that whatever is genuine reads the same, not that it is written
 * the same.
 */
describe('an altered link', () => {
  const unusual: StoredFile = {
    objectKey: 'ex ports/50%/größe.csv',
    fileName: 'Größe+1 "50%".csv',
  };
  const characters = Array.from('09aczAZ%+/?&=#.-_ ;~é\0');

  /** Checks a changed link: forged, or the same link in another spelling. */
  function isHarmless(
    target: string,
    original: string,
    of: StoredFile,
  ): 'invalid' | 'same' | 'HARMFUL' {
    const checked = links.check(target);
    if (checked.verdict !== 'valid') return checked.verdict === 'invalid' ? 'invalid' : 'HARMFUL';
    const [expires, signature] = [target, original].map((text) => {
      const query = new URLSearchParams(text.split('?')[1]);
      return `${String(query.get('expires'))} ${String(query.get('signature'))}`;
    });
    const isSame =
      checked.file.objectKey === of.objectKey &&
      checked.file.fileName === of.fileName &&
      expires === signature;
    return isSame ? 'same' : 'HARMFUL';
  }

  it.each([file, unusual])(
    'is not genuine with any one character replaced: $objectKey',
    async (of) => {
      const target = await signed(of);
      const same: string[] = [];
      for (let at = 0; at < target.length; at++) {
        for (const character of characters) {
          if (character === target[at]) continue;
          const altered = target.slice(0, at) + character + target.slice(at + 1);
          const outcome = isHarmless(altered, target, of);
          expect([altered, outcome]).not.toContain('HARMFUL');
          if (outcome === 'same') same.push(altered);
        }
      }
      // A plain link has no character with another spelling of the same length; %C3 may as well be %c3.
      expect(same.length > 0).toBe(of === unusual);
    },
  );

  it.each([file, unusual])(
    'is not genuine with any one character removed or added: $objectKey',
    async (of) => {
      const target = await signed(of);
      for (let at = 0; at <= target.length; at++) {
        const rest = target.slice(at + 1);
        for (const character of [
          '',
          ...characters.flatMap((one) => [one, one + (target[at] ?? '')]),
        ]) {
          const altered = target.slice(0, at) + character + rest;
          if (altered === target) continue;
          expect([altered, isHarmless(altered, target, of)]).not.toContain('HARMFUL');
        }
      }
    },
  );

  it('is the same link when it is only spelled otherwise', async () => {
    const of = { objectKey: 'a/b c/ü.csv', fileName: 'a b ü.csv' };
    const target = await signed(of);
    const spellings = [
      target.replace('a/b', 'a%2Fb'),
      target.replace('a/b', 'a%2fb'),
      target.replace('%C3%BC.csv?', '%c3%bc.csv?'),
      target.replace('name=a%20b%20', 'name=a+b+'),
      target.replace('name=a', 'name=%61'),
    ];
    for (const spelling of spellings) {
      expect(spelling).not.toBe(target);
      expect(links.check(spelling)).toEqual({ verdict: 'valid', file: of });
    }
  });

  it('is forged when its key, name or expiry is another', async () => {
    const target = await signed(file);
    const expires = Number(/expires=(\d+)/.exec(target)?.[1]);
    const alterations = [
      target.replace('contacts.csv?', 'contacts.json?'),
      target.replace('exp_1', 'exp_2'),
      target.replace('exp_1/', 'exp_1//'),
      target.replace('exp_1/', 'exp_1/./'),
      target.replace('exp_1/', 'exp_1/x/../'),
      target.replace('name=Contacts', 'name=contacts'),
      target.replace('name=Contacts.csv', 'name='),
      target.replace('name=', 'name=x&name='),
      `${target}&name=evil.html`,
      `${target}&signature=AAAA`,
      `${target}&utm_source=mail`,
      `${target}?junk=1`,
      target.replace(String(expires), String(expires + 1)),
      target.replace(String(expires), String(expires + 1_000_000)),
      target.replace(String(expires), `0${expires}`),
      target.replace(String(expires), `${expires}.0`),
      target.replace(String(expires), `+${expires}`),
      target.replace(String(expires), `-${expires}`),
      target.replace(String(expires), `${expires}e0`),
      target.replace(String(expires), '9'.repeat(20)),
      target.replace('expires=', 'expires=99999999999&expires='),
    ];
    for (const altered of alterations) {
      expect(altered).not.toBe(target);
      expect([altered, links.check(altered)]).toEqual([altered, { verdict: 'invalid' }]);
    }
  });

  it('is forged when its signature is written otherwise, shortened, empty or missing', async () => {
    const target = await signed(file);
    const signature = String(/signature=(.+)$/.exec(target)?.[1]);
    const bytes = Buffer.from(signature, 'base64url');
    const others = [
      '',
      signature.slice(0, -1),
      `${signature}=`,
      `${signature}A`,
      ` ${signature}`,
      signature.toLowerCase(),
      bytes.toString('hex'),
      bytes.subarray(0, 16).toString('base64url'),
      // The last character of 43 holds two bits that decoders ignore.
      ...Array.from('AQgwBRhxCSiyDTjzEUk0FVl1GWm2HXn3IYo4JZp5Kaq6Lbr7Mcs8Ndt9Oeu-Pfv_').map(
        (last) => signature.slice(0, -1) + last,
      ),
    ].filter((other) => other !== signature);
    for (const other of others) {
      const altered = target.replace(signature, other);
      expect([altered, links.check(altered)]).toEqual([altered, { verdict: 'invalid' }]);
    }
    for (const name of ['name', 'expires', 'signature']) {
      const without = target.replace(new RegExp(`${name}=[^&]*&?`), '');
      expect([without, links.check(without)]).toEqual([without, { verdict: 'invalid' }]);
    }
  });

  it('is forged, and breaks nothing, when it is no link at all', () => {
    for (const target of [
      '',
      '/',
      '?',
      '/files/',
      '/files/?',
      '/files/%',
      '/files/%zz?name=%zz',
      '/filesx',
    ]) {
      expect(links.check(target)).toEqual({ verdict: 'invalid' });
      expect(links.check(`${target}?name=a&expires=9999999999&signature=x`)).toEqual({
        verdict: 'invalid',
      });
    }
  });
});

describe('the secret that the gateway keeps', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'signing-secret-test-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is made once, of 32 random bytes, and kept', async () => {
    const path = join(folder, 'data', 'secret');
    const made = await loadOrCreateSigningSecret(path);
    expect(made).toMatch(/^[\w-]{43}$/);
    expect((await readFile(path, 'utf8')).trim()).toBe(made);
    expect(await loadOrCreateSigningSecret(path)).toBe(made);
    expect(await loadOrCreateSigningSecret(join(folder, 'other'))).not.toBe(made);
  });

  it('is readable by its owner only', async () => {
    const path = join(folder, 'secret');
    await loadOrCreateSigningSecret(path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('leaves nothing else behind', async () => {
    await loadOrCreateSigningSecret(join(folder, 'secret'));
    expect(await readdir(folder)).toEqual(['secret']);
  });

  it('is the one that an operator has put there', async () => {
    const path = join(folder, 'secret');
    await writeFile(path, 'put here by an operator of this gateway\n');
    expect(await loadOrCreateSigningSecret(path)).toBe('put here by an operator of this gateway');
  });

  it('is the same for all that make it at once', async () => {
    for (let round = 0; round < 50; round++) {
      const path = join(folder, String(round));
      const made = await Promise.all(
        [...Array(8).keys()].map(() => loadOrCreateSigningSecret(path)),
      );
      expect(new Set(made)).toEqual(new Set([expect.stringMatching(/^[\w-]{43}$/)]));
    }
  });

  it('is never empty: a file without a secret, left by a crash, is refused or replaced', async () => {
    const path = join(folder, 'secret');
    await writeFile(path, '');
    const secrets = await loadOrCreateSigningSecret(path).then(
      (kept) => [kept],
      () => [],
    );
    expect(secrets).not.toContain('');
  });
});
