import 'reflect-metadata';

import { writeFile } from 'node:fs/promises';

import { createSchemaText } from '../graphql/schema.js';

/** `npm run schema`: writes schema.graphql. */
await writeFile('schema.graphql', await createSchemaText());
