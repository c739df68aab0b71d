// histories.js
//   Measures histories in PostgreSQL beside the aggregates over rows and DuckDB.
//
//   The idea: as in measure.js, all contenders of a question take turns, after all
//   have given the same answer, and a ratio is that of the times of one round. Here
//   each question is asked of stored histories, of the rows and of DuckDB.
//
//   node histories.js CONFIG.json RESULTS.json
'use strict';

const fs = require('fs');
const path = require('path');
const { Psql, Engine, readQuery, substitute } = require('./session');

const config = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const queries = path.join(__dirname, '..', 'queries');
const customers = config.orders / 10;
const say = text => process.stderr.write(`    ${text}\n`);

// The questions. The variables of period.sql are set in psql, and these in all.
const variables = {
  from: '2024-10-01', to: '2025-01-01', inactive_from: '2024-07-03',
  period: '[2024-10-01,2025-01-01)', inactive_after: '90 days',
  series: '[2020-01-01,2025-01-01)', series_from: '2020-01-01', series_to: '2025-01-01',
  step: '1 month', step_unit: 'month', periods: 60,
};
const duckdb = name => readQuery(path.join(queries, 'duckdb', `${name}.sql`)).select;
const country = `SELECT country || ' ' || count(*) FILTER (WHERE bits = 5) || '/' || count(*)
  FROM (SELECT customer_id, bit_or(CASE WHEN ordered_at < :'inactive_from' THEN 1::utinyint
          WHEN ordered_at < :'from' THEN 2::utinyint ELSE 4::utinyint END) AS bits
    FROM orders WHERE ordered_at < :'to' GROUP BY customer_id)
    JOIN customers USING (customer_id)
  WHERE bits IN (1, 5) GROUP BY country ORDER BY country`;
const rate = "reactivation_rate(history, tstzrange :'period', :'inactive_after')";
const series = `SELECT reactivation FROM unnest((SELECT lifecycle_series(ARGUMENTS :'series',
  :'step', '90 days', '1 year') FROM TABLE)) ORDER BY period_start`;
const tally = "reactivation_tally(ARGUMENTS :'period', :'inactive_after')";
const byCountry = `SELECT country || ' ' || ${tally} FROM TABLE JOIN customers USING (customer_id)
  GROUP BY country ORDER BY country`;
const of = (text, rows) => text.replace('ARGUMENTS', rows ? 'customer_id, ordered_at,' : 'history,')
  .replace('TABLE', rows ? 'orders' : 'histories');

// For each contender, the texts of its queries: the fastest takes part. The limit is one of the
// ratio of histories to DuckDB.
const questions = [
  {
    title: 'reactivation_rate', limit: 0.15,
    histories: [`SELECT ${rate} FROM histories`],
    rows: [`SELECT reactivation_rate(customer_id, ordered_at, :'period', :'inactive_after')
      FROM orders`],
    duckdb: ['rate_bits', 'rate_max', 'rate_counts'].map(duckdb),
  },
  {
    title: 'series of 60 months', limit: 0.1,
    histories: [of(series, false)], rows: [of(series, true)], duckdb: [duckdb('series')],
  },
  {
    title: 'GROUP BY country over a join', limit: 0.5,
    histories: [of(byCountry, false)], rows: [of(byCountry, true)], duckdb: [country],
  },
];

async function main() {
  const postgresql = new Psql([...config.psql, '--file=-']);
  let peer = new Engine('duckdb', config.directory, processes => [
    `SET threads = ${processes}`, "SET TimeZone = 'UTC'"]);
  const results = { ...config.about, orders: config.orders, questions: [] };
  const query = text => ({
    settings: 'SET max_parallel_workers_per_gather = 0;',
    select: `${substitute(text, variables)};`,
  });

  say(`making ${config.orders} orders of ${customers} customers`);
  await postgresql.script(`SET client_min_messages = warning;
CREATE EXTENSION winback; CREATE EXTENSION pg_prewarm;
\\set orders ${config.orders}
\\set customers ${customers}
\\set zipf false
\\i ${path.join(queries, '..', 'orders.sql')}
CREATE TABLE customers (customer_id int8 PRIMARY KEY, country text);
INSERT INTO customers
SELECT n, (ARRAY['AT', 'BE', 'CH', 'DE', 'DK', 'ES', 'FR', 'GB', 'IT', 'NL', 'PL',
  'SE'])[1 + pick(n, 9, 12)] FROM generate_series(1, ${customers}) AS n;
VACUUM (ANALYZE, FREEZE) orders, customers;`);
  const csv = name => path.join(config.directory, `${name}.csv`);
  await postgresql.script(`
COPY (SELECT customer_id, ordered_at AT TIME ZONE 'UTC' FROM orders) TO '${csv('orders')}' CSV;
COPY customers TO '${csv('customers')}' CSV;`);
  try {
    await peer.request({ sql: [
      `CREATE TABLE orders AS SELECT * FROM read_csv('${csv('orders')}', header = false,
        columns = {customer_id: 'BIGINT', ordered_at: 'TIMESTAMP'})`,
      `CREATE TABLE customers AS SELECT * FROM read_csv('${csv('customers')}', header = false,
        columns = {customer_id: 'BIGINT', country: 'VARCHAR'})`, 'CHECKPOINT'] });
  } catch (error) {
    say(`without DuckDB: ${error.message.split('\n')[0]}`);
    peer = null;
  }

  // making the histories, and their size
  const make = {
    settings: 'SET max_parallel_workers_per_gather = 0; DROP TABLE IF EXISTS histories;',
    select: `CREATE TABLE histories AS SELECT customer_id, history_agg(ordered_at) AS history
      FROM orders GROUP BY customer_id;`,
  };
  const rateOfRows = query(questions[0].rows[0]);
  results.build = [];
  for (let round = 0; round < config.rounds; round++) {
    const { seconds } = await postgresql.run(make, 1);
    const { seconds: scan } = await postgresql.run(rateOfRows, 1);
    results.build.push({ seconds, ratio: seconds / scan });
  }
  const { lines: [sizes] } = await postgresql.script(`
VACUUM (ANALYZE, FREEZE) histories;
SELECT pg_prewarm('histories'), pg_prewarm('orders'), pg_prewarm('customers') \\g /dev/null
SELECT concat_ws(' ', pg_table_size('orders'), pg_table_size('histories'));`);
  const [heap, stored] = sizes.split(' ').map(Number);
  results.bytes = { orders: heap, histories: stored };

  // answers first
  for (const question of questions) {
    let expected;
    for (const name of ['rows', 'histories', 'duckdb']) {
      const session = name === 'duckdb' ? peer : postgresql;
      if (!session) continue;
      question[name] = question[name].map(query);
      for (const text of question[name]) {
        const { lines, seconds } = await session.run(text, 1);
        const answer = lines.join('\n');
        if (expected === undefined) expected = answer;
        if (answer !== expected && Number(answer) !== Number(expected))
          throw new Error(`${question.title}: ${name} answers\n${answer}\nand not\n${expected}`);
        text.first = seconds;
      }
      question[name].sort((a, b) => a.first - b.first);
    }
  }
  say('all answers are equal');

  for (const question of questions) {
    question.rounds = [];
    for (let round = 0; round < config.rounds; round++) {
      const times = {
        histories: (await postgresql.run(question.histories[0], 1)).seconds,
        rows: (await postgresql.run(question.rows[0], 1)).seconds,
        // RESET ALL at the end of a script undoes the settings of both
        two: (await postgresql.run({ ...question.histories[0], settings: '' }, 2)).seconds,
      };
      if (peer) times.duckdb = (await peer.run(question.duckdb[0], 1)).seconds;
      question.rounds.push(times);
    }
    results.questions.push({ title: question.title, rounds: question.rounds });
  }

  // the report
  const median = list => [...list].sort((a, b) => a - b)[list.length >> 1];
  const ms = list => `${(1000 * median(list)).toFixed(0)} ms`;
  const print = (what, value, limit) =>
    console.log(`${what.padEnd(46)}${value.padStart(12)}${limit ? `   limit ${limit}` : ''}`);
  print(`${config.orders} orders: heap`, `${(heap / 1048576).toFixed(1)} MB`);
  print('histories', `${(stored / 1048576).toFixed(1)} MB`);
  print('histories / heap', (stored / heap).toFixed(3), '0.167');
  print('making them', ms(results.build.map(one => one.seconds)));
  print('making them / reactivation_rate over rows',
    median(results.build.map(one => one.ratio)).toFixed(2), '3');
  for (const { title, rounds, limit } of questions) {
    const of = name => rounds.map(times => times[name]);
    const ratio = (a, b) => median(rounds.map(times => times[a] / times[b])).toFixed(3);
    console.log(`\n${title}`);
    print('  histories, one process', ms(of('histories')));
    print('  histories, two processes', ms(of('two')));
    print('  rows', ms(of('rows')));
    if (peer) {
      print('  DuckDB over the rows', ms(of('duckdb')));
      print('  histories / DuckDB', ratio('histories', 'duckdb'), String(limit));
    }
    print('  two processes / one', ratio('two', 'histories'), '0.55');
  }
  fs.writeFileSync(process.argv[3], JSON.stringify(results, null, 2));
  await postgresql.close();
  if (peer) await peer.close();
}

main().catch(error => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
