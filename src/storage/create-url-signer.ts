import { LocalUrlSigner } from './local-url-signer.js';
import type { Storage } from './open-storage.js';
import { loadOrCreateSigningSecret } from './signing-secret.js';
import type { UrlSigner } from './url-signer.js';

/** Local files that the gateway serves itself. */
export interface LocalFiles {
  readonly signer: LocalUrlSigner;
  /** An absolute path. */
  readonly directory: string;
}

/**
 * The signer of links to the files of a storage. `origin` is called for every local link: the port may be known only later.
 * `localFiles` is null where a bucket serves its own.
 */
export async function createUrlSigner(
  storage: Storage,
  origin: () => string,
): Promise<{ signer: UrlSigner; localFiles: LocalFiles | null }> {
  if (storage.kind === 's3') return { signer: storage.links, localFiles: null };
  const { secret, linkTtl } = storage.config;
  const signer = new LocalUrlSigner({
    secret: 'value' in secret ? secret.value : await loadOrCreateSigningSecret(secret.file),
    ttl: linkTtl,
    origin,
  });
  return { signer, localFiles: { signer, directory: storage.place } };
}
