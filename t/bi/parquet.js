// parquet.js
//   Prints the rows of a Parquet file as JSON, in the order of a column, with the DuckDB that
//   comes with Evidence, for t/180_bi.pl.
//
//     node parquet.js FILE ORDER
'use strict';

const { dirname } = require('path');
const duckdb = require('@duckdb/duckdb-wasm/dist/duckdb-node-blocking.cjs');

async function main() {
  const [file, order] = process.argv.slice(2);
  const dist = dirname(require.resolve('@duckdb/duckdb-wasm/dist/duckdb-node-blocking.cjs'));
  const bundles = {
    mvp: { mainModule: `${dist}/duckdb-mvp.wasm` },
    eh: { mainModule: `${dist}/duckdb-eh.wasm` },
  };
  const database = await duckdb.createDuckDB(bundles, new duckdb.VoidLogger(), duckdb.NODE_RUNTIME);
  await database.instantiate();
  database.open({});
  const table = database.connect().query(`SELECT * FROM read_parquet('${file}') ORDER BY ${order}`);
  console.log(JSON.stringify(table.toArray().map((row) => row.toJSON())));
}

main().catch((error) => { console.error(error); process.exit(1); });
