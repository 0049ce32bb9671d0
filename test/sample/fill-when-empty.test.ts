import 'reflect-metadata';

import { afterEach, beforeEach, expect, it } from '@jest/globals';

import { createLogger } from '../../src/logger.js';
import { seedIfEmpty } from '../../src/sample/fill-when-empty.js';
import { createSampleFolder, readRows, type SampleFolder } from './sample-folder.js';

let folder: SampleFolder;
beforeEach(async () => {
  folder = await createSampleFolder('embedded');
});
afterEach(() => folder.remove());

it('gives an empty database its samples, once', async () => {
  const options = { source: folder.source, files: folder.files, logger: createLogger('silent') };
  await seedIfEmpty(options);
  const first = await readRows(folder.source);
  expect(first.exports).toHaveLength(250);
  await seedIfEmpty(options);
  expect(await readRows(folder.source)).toEqual(first);
});
