import type { AuthConfig } from '../config/auth.js';
import type { Database } from '../database/database.js';
import { StartupError } from '../errors.js';
import { ApiKeyRepository } from './api-key-repository.js';
import { ApiKeys } from './api-keys.js';
import { authenticateByKeyOrToken } from './authenticate.js';
import { BearerTokens } from './bearer-tokens.js';
import { fixedViewer, type Authenticate } from './viewer.js';

/** The configured authentication. Throws StartupError when no client could authenticate. */
export async function createAuthentication(
  config: AuthConfig,
  database: Database,
): Promise<Authenticate> {
  if (config.kind === 'off') return fixedViewer(config.organization);
  const keys = new ApiKeyRepository(database);
  if (config.jwt === null && !(await keys.hasUsable(new Date()))) {
    throw new StartupError([
      'AUTH is required, but no client could authenticate. Create an API key with npm run api-key -- create ' +
        '--organization ORG --name NAME, or set JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS_URL, or set AUTH=off.',
    ]);
  }
  return authenticateByKeyOrToken(new ApiKeys(keys), config.jwt && new BearerTokens(config.jwt));
}
