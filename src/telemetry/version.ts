import { existsSync, readFileSync } from 'node:fs';

/** Seen from src/telemetry and the folders of dist, and from build/src/telemetry. */
const PLACES = ['../../package.json', '../../../package.json'];

/** The version in package.json. */
export function gatewayVersion(): string {
  const file = PLACES.map((place) => new URL(place, import.meta.url)).find(existsSync);
  if (file === undefined) return 'unknown';
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
