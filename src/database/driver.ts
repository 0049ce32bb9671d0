import { StartupError } from '../errors.js';

/** A driver, loaded only where its database is used. Throws StartupError when it is not on this machine. */
export async function loadDriver<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw new StartupError(
      [
        `The database driver ${name} cannot be loaded on this machine. Run npm ci once more, on this platform.`,
      ],
      { cause: error },
    );
  }
}
