import { readFileSync } from 'node:fs';

import { z } from 'zod';

import { reject } from './settings.js';

const apolloManifest = z
  .object({
    format: z.literal('apollo-persisted-query-manifest'),
    version: z.literal(1),
    operations: z.array(z.object({ id: z.string(), body: z.string() })),
  })
  .transform(({ operations }) => new Map(operations.map(({ id, body }) => [id, body])));

/** What the client preset of graphql-codegen and relay-compiler write. */
const textsById = z
  .record(z.string(), z.string())
  .transform((texts) => new Map(Object.entries(texts)));

const manifest = z.union([apolloManifest, textsById]);

/** The path of a manifest, read to the texts of its documents by their ids. */
export const trustedDocuments = z
  .string()
  .transform((path, context): ReadonlyMap<string, string> => {
    let content: unknown;
    try {
      content = JSON.parse(readFileSync(path, 'utf8'));
    } catch (error) {
      const problem = error instanceof SyntaxError ? 'is not JSON' : 'cannot be read';
      return reject(context, `names a file that ${problem}: set it to the path of a manifest`);
    }
    const { data } = manifest.safeParse(content);
    if (data !== undefined && data.size > 0) return data;
    return reject(
      context,
      'names a file without documents in a known format: write it with the client preset of ' +
        'graphql-codegen, with generate-persisted-query-manifest, or with relay-compiler',
    );
  });
