// engine.js
//   A session in DuckDB or in ClickHouse (as chdb, its library), which run inside
//   this process. Reads requests from standard input, one JSON object a line, and
//   answers each with one:
//
//     {sql: [...]}   runs the statements  ->  {rows, seconds} of the last one
//     {peak: true}   the peak resident memory of this process  ->  {bytes}
//
//   The idea: this is to them as psql is to PostgreSQL. It stays open, and times a
//   statement from sending its text to reading its last row.
//
//   node engine.js duckdb|clickhouse DIRECTORY
'use strict';

const fs = require('fs');
const readline = require('readline');

const open = {
  async duckdb(directory) {
    const duckdb = require('@duckdb/node-api');
    const instance = await duckdb.DuckDBInstance.create(`${directory}/orders.duckdb`);
    const connection = await instance.connect();
    return async sql => (await connection.runAndReadAll(sql)).getRows();
  },
  async clickhouse(directory) {
    const { Session } = require('chdb');
    const session = new Session(`${directory}/clickhouse`);
    return async sql => {
      const answer = session.query(sql, 'JSONCompactEachRow');
      return answer.split('\n').filter(line => line).map(line => JSON.parse(line));
    };
  },
};

// an int8 does not fit into a number of JavaScript, so it becomes text
const plain = (key, value) => (typeof value === 'bigint' ? String(value) : value);

async function main([engine, directory]) {
  const run = await open[engine](directory);
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    let answer;
    try {
      if (request.peak) {
        const status = fs.readFileSync('/proc/self/status', 'utf8');
        answer = { bytes: 1024 * /VmHWM:\s+(\d+) kB/.exec(status)[1] };
      } else {
        for (const sql of request.sql) {
          const start = process.hrtime.bigint();
          const rows = await run(sql);
          answer = { rows, seconds: Number(process.hrtime.bigint() - start) / 1e9 };
        }
      }
    } catch (error) {
      answer = { error: `${error.message}\n${request.sql}` };
    }
    process.stdout.write(`${JSON.stringify(answer, plain)}\n`);
  }
  process.exit(0);
}

main(process.argv.slice(2)).catch(error => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
