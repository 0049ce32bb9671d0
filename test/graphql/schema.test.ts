import 'reflect-metadata';

import { readFile } from 'node:fs/promises';

import { describe, expect, it } from '@jest/globals';
import { buildSchema } from 'graphql';

import { createSchema } from '../../src/graphql/schema.js';
import { clientSdl } from '../../src/graphql/sdl.js';
import { entriesOf } from './schema-entries.js';

const text = clientSdl(await createSchema());

describe('the schema', () => {
  // The file is the contract with clients: a change of it needs a review.
  it('is the content of schema.graphql, which npm run schema writes', async () => {
    expect(await readFile('schema.graphql', 'utf8')).toBe(text);
  });

  it('describes every type, field, argument and value', () => {
    const entries = entriesOf(buildSchema(text));
    expect(entries.length).toBeGreaterThan(50);
    expect(entries.filter(({ description }) => !description)).toEqual([]);
  });
});
