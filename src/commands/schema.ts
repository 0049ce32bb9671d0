import 'reflect-metadata';

import { writeFile } from 'node:fs/promises';

import { createSchemaText } from '../graphql/schema.js';

/** `npm run schema`: writes the schema's text beside package.json. */
await writeFile('schema.graphql', await createSchemaText());
