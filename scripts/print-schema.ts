/** `npm run schema`: prints the code-first schema to `schema.graphql`, sorted, so that a change of the contract shows in a review. */
import { writeFileSync } from 'node:fs';
import { lexicographicSortSchema, parse, print, printSchema } from 'graphql';
import { schema } from '../src/app/schema.ts';

writeFileSync(new URL('../schema.graphql', import.meta.url), `${print(parse(printSchema(lexicographicSortSchema(schema))))}\n`);
