/**
 * `npm run bench:render`: writes docs/bench.md, docs/bench.svg and docs/bench-live.md from the stored docs/bench.json and
 * docs/bench-live.json, without measuring. The chart needs the package in bench/api/postgraphile; without it, bench.svg is unchanged.
 */
import { readResults, writeDocs } from './api/report/docs.ts';
import { readFigures, writeLiveDocs } from './live/report.ts';

writeDocs(readResults());
writeLiveDocs(readFigures());
