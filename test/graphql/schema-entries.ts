import {
  isEnumType,
  isInputObjectType,
  isObjectType,
  specifiedScalarTypes,
  type GraphQLArgument,
  type GraphQLInputField,
  type GraphQLSchema,
} from 'graphql';

export interface Entry {
  /** The type, field, argument or value, with its type and default. */
  readonly says: string;
  readonly description: string | null | undefined;
}

/** All that a schema says, one line each. */
export function entriesOf(schema: GraphQLSchema): Entry[] {
  return Object.values(schema.getTypeMap())
    .filter(
      (type) =>
        !type.name.startsWith('__') && !specifiedScalarTypes.some(({ name }) => name === type.name),
    )
    .flatMap((type): Entry[] => {
      const self = { says: `${type.constructor.name} ${type.name}`, description: type.description };
      if (isEnumType(type)) {
        return [
          self,
          ...type
            .getValues()
            .map(({ name, description }) => ({ says: `${type.name}.${name}`, description })),
        ];
      }
      if (isInputObjectType(type)) {
        return [
          self,
          ...Object.values(type.getFields()).map((field) => inputEntry(`${type.name}.`, field)),
        ];
      }
      if (!isObjectType(type)) return [self];
      return Object.values(type.getFields()).reduce(
        (entries, field) => [
          ...entries,
          {
            says: `${type.name}.${field.name}: ${field.type.toString()}`,
            description: field.description,
          },
          ...field.args.map((argument) => inputEntry(`${type.name}.${field.name}(`, argument)),
        ],
        [self],
      );
    });
}

function inputEntry(
  prefix: string,
  { name, type, defaultValue, description }: GraphQLArgument | GraphQLInputField,
): Entry {
  return {
    says: `${prefix}${name}: ${type.toString()} = ${JSON.stringify(defaultValue)}`,
    description,
  };
}
