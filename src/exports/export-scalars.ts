import { GraphQLScalarType } from 'graphql';
import { GraphQLDateTime, GraphQLSafeInt, GraphQLURL } from 'graphql-scalars';
import { Field } from 'type-graphql';

import { toIsoDateTime } from '../database/sql-datetime.js';
import { linkCost } from './export-cost.js';

// graphql-scalars validates what it serializes: a third of the time of 100 exports with links.

/** Serializes a Date, or a time as the database returns it. */
export const DateTime = new GraphQLScalarType({
  ...GraphQLDateTime.toConfig(),
  description:
    'A time as in RFC 3339, such as `2026-11-02T12:30:00.123Z`. Responses are in UTC; arguments may have another offset.',
  serialize(value) {
    if (typeof value === 'string') return toIsoDateTime(value);
    if (value instanceof Date) return value.toISOString();
    throw new TypeError(`DateTime cannot serialize a value of type ${typeof value}.`);
  },
});

const Url = new GraphQLScalarType({
  ...GraphQLURL.toConfig(),
  description: 'An absolute URL as text.',
  serialize: String,
});

export const SafeInt = new GraphQLScalarType({
  ...GraphQLSafeInt.toConfig(),
  description: 'A whole number as a JSON number, of at most 2^53 - 1: larger than Int allows.',
});

/** A field with a link to a file. */
export const LinkField = (file: string, flag: string) =>
  Field(() => Url, {
    nullable: true,
    simple: false,
    complexity: linkCost,
    description: `A link to ${file}. Null unless ${flag} is true and the file is available.`,
  });
