import { release } from './global-setup.mjs';

export default async function tearDown(): Promise<void> {
  await release();
}
