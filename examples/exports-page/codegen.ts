import type { CodegenConfig } from '@graphql-codegen/cli';

/** Writes the types of the page's operations. Paths are those of the repository. */
const config: CodegenConfig = {
  schema: 'schema.graphql',
  documents: 'examples/exports-page/src/documents.ts',
  generates: {
    'examples/exports-page/src/gql/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false, skipIndexFile: true },
      config: {
        scalars: { DateTime: 'string', URL: 'string', SafeInt: 'number' },
        useTypeImports: true,
      },
    },
  },
};
export default config;
