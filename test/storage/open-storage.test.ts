import { expect, it, jest } from '@jest/globals';

import { createLogger } from '../../src/logger.js';
import { createUrlSigner } from '../../src/storage/open-storage.js';

it('signs with the new secret a minute after a file changed, without any request', async () => {
  jest.useFakeTimers();
  try {
    const withSecret = (secret: string) => ({
      kind: 'local' as const,
      directory: '/',
      secret: { values: [secret] },
      linkTtl: 60,
    });
    const { signer } = await createUrlSigner(
      { kind: 'local', config: withSecret('the old secret'), place: '/' },
      {
        origin: () => '',
        reread: () => Promise.resolve(withSecret('the new secret')),
        logger: createLogger('silent'),
      },
    );
    const at = new Date(Date.now() + 1_000);
    const sign = async () => (await signer.sign({ objectKey: 'a', fileName: 'a' }, at)).url;
    const before = await sign();
    expect(await sign()).toBe(before);
    await jest.advanceTimersByTimeAsync(60_000);
    // The expiry is the same, so only the secret can make a difference.
    expect(await sign()).not.toBe(before);
  } finally {
    jest.useRealTimers();
  }
});
