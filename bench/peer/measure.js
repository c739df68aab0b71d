// measure.js
//   Measures winback beside plain SQL, DuckDB and ClickHouse, and how time and
//   memory of all grow, and writes one JSON object with every single time.
//   bench/peers starts the server and calls it; README.md explains the figures.
//
//   The idea: sessions stay open (session.js), and contenders take turns, round
//   after round, because machines drift. PostgreSQL makes the rows; the others
//   load them from there. Before a time is taken, all must give the same answer.
//
//   A contender may have several forms, each a file in queries/, or a text in
//   questions.js. All are tried, and the fastest takes part.
//
//   node measure.js CONFIG.json RESULTS.json
'use strict';

const fs = require('fs');
const path = require('path');
const { Psql, Engine, readQuery, substitute } = require('./session');
const questionsOfShop = require('./questions');

const config = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const queries = path.join(__dirname, '..', 'queries');
const large = 1e7; // for more orders, slow queries are left out or run once

// ------------------------------------------------------------- contenders

const forms = {
  rate: {
    winback: ['reactivation'],
    plain: [
      'plain_hash', 'plain_sort', 'plain_counts_hash', 'plain_counts_sort', 'plain_bits_hash',
    ],
    lag: ['lag'],
    duckdb: ['max', 'case', 'counts', 'bits', 'sets', 'lists'].map(form => `duckdb/rate_${form}`),
    clickhouse: ['max', 'counts', 'bits', 'sets', 'lists'].map(form => `clickhouse/rate_${form}`),
  },
  groups: {
    winback: ['tally_groups'],
    plain: ['tally_groups_plain'],
    duckdb: ['duckdb/groups'],
    clickhouse: ['clickhouse/groups'],
  },
  series: {
    winback: ['tally_series'],
    plain: ['tally_series_plain'],
    duckdb: ['duckdb/series'],
    clickhouse: ['clickhouse/series', 'clickhouse/series_arrays'],
  },
};
const titles = {
  winback: 'winback', plain: 'plain SQL', lag: 'plain SQL with lag()',
  duckdb: 'DuckDB', clickhouse: 'ClickHouse',
  executor: 'winback without its scan', count: 'count(*)', rate: 'winback, whole table',
};
// they only give the time that a limit refers to, and not the answer of the others
const references = ['count', 'rate'];

// The statements of the two engines that are not PostgreSQL. Rows are stored in the order of
// time, as in PostgreSQL; an order by customer would be an index, which PostgreSQL does not
// have here either.
const engines = {
  duckdb: {
    prelude: processes => [`SET threads = ${processes}`],
    version: 'SELECT version()',
    load: csv => ['DROP TABLE IF EXISTS orders', 'DROP SCHEMA IF EXISTS few CASCADE',
      `CREATE TABLE orders AS SELECT * FROM read_csv('${csv}', header = false,
        columns = {customer_id: 'BIGINT', ordered_at: 'TIMESTAMP',
        amount: 'DECIMAL(10,2)', channel: 'VARCHAR'})`],
    derive: customer => [`CREATE TABLE derived AS
      SELECT ${customer} AS customer_id, ordered_at, amount, channel FROM orders`,
      'DROP TABLE orders', 'ALTER TABLE derived RENAME TO orders', 'CHECKPOINT'],
    few: ['CREATE OR REPLACE TABLE few.orders AS SELECT * FROM main.orders LIMIT 2000',
      'CHECKPOINT'],
    use: name => `USE ${name === 'few' ? 'few' : 'main'}`,
    schema: 'CREATE SCHEMA IF NOT EXISTS few',
    text: "'K' || lpad(customer_id::varchar, 8, '0')",
    rows: 'SELECT count(*), sum(customer_id), sum(epoch_us(ordered_at)) FROM orders',
    scan: 'SELECT max(hash(customer_id)), max(epoch_us(ordered_at) % 1000003) FROM orders',
  },
  clickhouse: {
    prelude: processes => [
      `SET max_threads = ${processes}, output_format_json_quote_64bit_integers = 1`],
    version: 'SELECT version()',
    load: csv => ['DROP TABLE IF EXISTS orders', 'DROP DATABASE IF EXISTS few',
      `CREATE TABLE orders (customer_id Int64, ordered_at DateTime64(6, 'UTC'),
        amount Decimal(10, 2), channel LowCardinality(String))
        ENGINE = MergeTree ORDER BY ordered_at`,
      `INSERT INTO orders SELECT * FROM file('${csv}', 'CSV',
        'customer_id Int64, ordered_at DateTime64(6, ''UTC''),
        amount Decimal(10, 2), channel String')`, 'OPTIMIZE TABLE orders FINAL'],
    derive: customer => [`CREATE TABLE derived ENGINE = MergeTree ORDER BY ordered_at AS
      SELECT ${customer} AS customer_id, ordered_at, amount, channel FROM orders`,
      'DROP TABLE orders SYNC', 'RENAME TABLE derived TO orders', 'OPTIMIZE TABLE orders FINAL'],
    few: ['DROP TABLE IF EXISTS few.orders',
      `CREATE TABLE few.orders ENGINE = MergeTree ORDER BY ordered_at AS
      SELECT * FROM default.orders LIMIT 2000`],
    use: name => `USE ${name === 'few' ? 'few' : 'default'}`,
    schema: 'CREATE DATABASE IF NOT EXISTS few',
    text: "concat('K', leftPad(toString(customer_id), 8, '0'))",
    rows: `SELECT toString(count()), toString(sum(toInt128(customer_id))),
      toString(sum(toInt128(toUnixTimestamp64Micro(ordered_at)))) FROM orders`,
    scan: `SELECT max(cityHash64(customer_id)),
      max(toUnixTimestamp64Micro(ordered_at) % 1000003) FROM orders`,
  },
};

// --------------------------------------------------- messages and numbers

const begun = Date.now();
const minutes = seconds =>
  (seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`);
const say = text => {
  const elapsed = Math.floor((Date.now() - begun) / 60000);
  process.stdout.write(`    [${String(elapsed).padStart(3)} min] ${text}\n`);
};
const step = text => process.stdout.write(`==> ${text}\n`);
const count = n => n.toLocaleString('en-US');
const median = values => {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};
const summary = values =>
  ({ median: median(values), least: Math.min(...values), greatest: Math.max(...values) });

// --------------------------------------------------------------- sessions

// the variables of the question: period.sql sets them for psql; series() adds those of a series
const question = {};
const periodSql = fs.readFileSync(path.join(queries, '..', 'period.sql'), 'utf8');
for (const [, name, value] of periodSql.matchAll(/^\\set (\w+) '?(.*?)'?$/gm)) {
  question[name] = value;
}
function series(periods, unit) {
  const from = new Date(Date.UTC(2025, 0, 1));
  if (unit === 'month') from.setUTCMonth(-periods);
  else from.setUTCDate(1 - periods);
  const day = from.toISOString().slice(0, 10);
  return {
    periods, step: `1 ${unit}`, step_unit: unit, series: `[${day},2025-01-01)`,
    series_from: day, series_to: '2025-01-01',
    first_month: from.getUTCFullYear() * 12 + from.getUTCMonth() + 1,
  };
}

const sessions = {};
async function openPostgres() {
  const session = new Psql([...config.psql, '--file=-']);
  await session.script('SELECT 1;');
  return session;
}
const openEngine = name => new Engine(name, config.directory, engines[name].prelude);
async function reopen(name) {
  if (sessions[name]) await sessions[name].close();
  sessions[name] = name === 'postgresql' ? await openPostgres() : openEngine(name);
}
const peers = () => Object.keys(engines).filter(name => sessions[name]);
const engineOf = contender => (engines[contender] ? contender : 'postgresql');

// If a peer fails, it is left out, with a message; if winback or PostgreSQL fails, all ends.
const leftOut = {};
async function dropPeer(name, error) {
  leftOut[name] = error.message.trim().split('\n')[0];
  say(`${titles[name]} failed, and is left out from here on: ${leftOut[name]}`);
  await sessions[name].close();
  delete sessions[name];
}

const read = new Map();
// A file of queries/ with its variables: substituted for the others, by \set for psql. `chosen`
// leaves the number of PostgreSQL's processes to its planner.
function query(form, variables, chosen) {
  if (!read.has(form)) read.set(form, readQuery(path.join(queries, `${form}.sql`)));
  const { settings, select, ...file } = read.get(form);
  const title = file.title.replace(/:(\w+)/g, (all, name) => variables[name] || all);
  if (form.includes('/')) {
    return { title, select: substitute(select, { ...question, ...variables }) };
  }
  // those of the query before stay in the session of psql, so all are set
  const set = Object.entries({ ...question, ...variables })
    .map(([name, value]) => `\\set ${name} '${value}'`).join('\n');
  return { title, settings: `${set}\n${settings}`, select, chosen };
}
async function statements(name, list) {
  return sessions[name].request({ sql: [...engines[name].prelude(config.processes), ...list] });
}

// ------------------------------------------------------------------- rows

async function sameRows() {
  const [expected] = (await sessions.postgresql.script(`SELECT count(*), sum(customer_id),
    sum(round(date_part('epoch', ordered_at) * 1000000)::int8) FROM orders;`)).lines;
  for (const name of peers()) {
    const [row] = (await statements(name, [engines[name].rows])).rows;
    const seen = row.join('|');
    if (seen !== expected) {
      throw new Error(`${titles[name]} has other rows: ${seen}, not ${expected}`);
    }
  }
}

const settle = `VACUUM (ANALYZE, FREEZE) orders;
  DROP TABLE IF EXISTS few.orders; CREATE SCHEMA IF NOT EXISTS few;
  CREATE UNLOGGED TABLE few.orders AS SELECT * FROM public.orders LIMIT 2000;
  ANALYZE few.orders; CHECKPOINT;
  SELECT pg_prewarm('public.orders');`;

async function load(name, list) {
  try {
    await statements(name, [...list, engines[name].schema, ...engines[name].few]);
  } catch (error) {
    await dropPeer(name, error);
  }
}

// makeOrders(N, CUSTOMERS, uniform|zipf): makes orders in PostgreSQL, and loads them into all
async function makeOrders(orders, customers, spread) {
  const csv = path.join(config.directory, 'orders.csv');
  say(`making ${count(orders)} orders of ${count(customers)} customers (${spread})`);
  await sessions.postgresql.script(`SET client_min_messages = warning; DROP TABLE IF EXISTS orders;
\\set orders ${orders}
\\set customers ${customers}
\\set zipf ${spread === 'zipf'}
\\i ${path.join(queries, '..', 'orders.sql')}
${settle}`);
  if (peers().length) {
    await sessions.postgresql.script(`
      COPY (SELECT customer_id, ordered_at AT TIME ZONE 'UTC', amount, channel FROM orders)
      TO '${csv}' WITH (FORMAT csv);`);
  }
  for (const name of peers()) {
    say(`loading ${titles[name]}`);
    await load(name, engines[name].load(csv));
  }
  fs.rmSync(csv, { force: true });
  await sameRows();
}

// replaces each customer_id by an expression over it
async function deriveOrders(title, expressions) {
  say(`changing the orders to ${title}`);
  await sessions.postgresql.script(`SET client_min_messages = warning;
    CREATE UNLOGGED TABLE derived AS
    SELECT ${expressions.postgresql} AS customer_id, ordered_at, amount, channel FROM orders;
    DROP TABLE orders; ALTER TABLE derived RENAME TO orders; ${settle}`);
  for (const name of peers()) await load(name, engines[name].derive(expressions[name]));
}
const toText = {
  postgresql: "'K' || lpad(customer_id::text, 8, '0')",
  duckdb: engines.duckdb.text,
  clickhouse: engines.clickhouse.text,
};
const toFewer = customers => Object.fromEntries(['postgresql', ...Object.keys(engines)]
  .map(name => [name, `1 + (customer_id - 1) % ${customers}`]));

// ------------------------------------------------------------ measurement

// Whether two answers are the same: numbers to the last bit, though engines print them differently
const sameValue = (a, b) => a === b
  || (Number(a) === Number(b) && /\d/.test(a) && !Number.isInteger(Number(a)));
const sameLine = (a, b = '') => {
  const [left, right] = [a.split('|'), b.split('|')];
  return left.length === right.length && left.every((value, i) => sameValue(value, right[i]));
};
const same = (a, b) => a.length === b.length && a.every((line, i) => sameLine(line, b[i]));

// the fastest form of a contender for fewer orders: for many, to try all forms takes too long
const fastest = new Map();

// Tries the forms of one contender of a set and keeps the fastest. False if it cannot take part.
async function tryForms(set, contender) {
  const { name, processes } = contender;
  const engine = engineOf(name);
  const habit = `${set.question} ${set.spread} ${set.key} ${name} ${processes}`;
  let candidates = set.forms ? set.forms[name] : forms[set.question][name];
  if (set.orders > large && fastest.has(habit)) candidates = [fastest.get(habit)];
  for (const form of candidates) {
    const text = query(form, set.variables, set.chosen);
    const plan = engine === 'postgresql' ? await sessions[engine].plan(text, processes) : '';
    const parallel = processes === 2 && /Gather/.test(plan);
    if (engine === 'postgresql' && processes === 2 && !parallel && !set.chosen) continue;
    let { lines, seconds } = await sessions[engine].run(text, processes);
    if (!lines.length || !/\d/.test(lines[0])) {
      throw new Error(`${form} gives no answer: ${lines.join(' ')}`);
    }
    if (!set.answer) set.answer = lines;
    else if (!references.includes(name) && !same(set.answer, lines)) {
      const line = lines.findIndex((text, i) => !same([text], [set.answer[i]]));
      throw new Error(`${form} and winback give different answers: `
        + `line ${line + 1} of ${lines.length} is ${lines[line]}, `
        + `line ${line + 1} of ${set.answer.length} is ${set.answer[line]}`);
    }
    if (seconds < 2) ({ seconds } = await sessions[engine].run(text, processes));
    contender.tried[form] = seconds;
    if (!contender.form || seconds < contender.tried[contender.form]) {
      Object.assign(contender, { form, parallel, scan: /Winback Scan/.test(plan) });
    }
  }
  if (!contender.form) {
    if (name === 'winback') throw new Error(`winback has no plan with ${processes} processes`);
    say(`${titles[name]} has no plan with ${processes} processes`);
    return false;
  }
  contender.title = query(contender.form, set.variables).title;
  contender.first = contender.tried[contender.form];
  fastest.set(habit, contender.form);
  return true;
}

// Runs a contender once to five times, short queries until they take a second together, and
// returns the median.
async function turn(set, contender) {
  const runs = Math.max(1, Math.min(5, Math.floor(1 / contender.first)));
  const times = [];
  const { name, form, processes } = contender;
  for (let i = 0; i < runs; i++) {
    const { seconds } =
      await sessions[engineOf(name)].run(query(form, set.variables, set.chosen), processes);
    times.push(seconds);
  }
  contender.runs.push(times);
  return median(times);
}

// Measures the peak memory of a query beyond that of a session that has loaded its code and
// read the same columns of the same rows. VmHWM never falls, so it includes every moment.
async function measureMemory(set, contender) {
  const engine = engineOf(contender.name);
  const text = query(contender.form, set.variables);
  let session;
  if (engine === 'postgresql') {
    session = await openPostgres();
    const settings = `${text.settings}\nSET search_path = few, public; SET jit = off;`;
    await session.run({ ...text, settings }, 1);
    await session.script('SELECT max(customer_id), max(ordered_at) FROM orders;');
    text.settings += '\nSET jit = off;';
  } else {
    // only one process can open the files of an engine, so its session is opened anew
    await reopen(engine);
    session = sessions[engine];
    const { prelude, use, scan } = engines[engine];
    await session.request({ sql: [...prelude(1), use('few'), text.select, use('all')] });
    await session.run({ select: scan }, 1);
  }
  const before = await session.peak();
  await session.run(text, 1);
  contender.bytes = await session.peak() - before;
  if (engine === 'postgresql') await session.close();
  else await reopen(engine);
}

// The limits of a question, each with the ratio of winback's time to that of the contender to
// which it refers, in the same rounds. Without DuckDB there is no limit that refers to it.
function limitsOf(set, taking, processes) {
  const find = name => taking.find(c => c.name === name && c.processes === processes);
  const time = contender => median(contender.rounds.filter(seconds => seconds !== null));
  const winback = find('winback');
  return set.limits.flatMap(limit => {
    let { factor, of } = limit;
    if (of === 'peer') {
      if (!find('duckdb')) return [];
      [factor, of] = time(find('count')) > time(find('duckdb')) ? [1.2, 'count'] : [1, 'duckdb'];
    }
    const other = winback && find(of);
    if (!other) return [];
    const ratio = summary(winback.rounds.map((seconds, i) => [seconds, other.rounds[i]])
      .filter(([, seconds]) => seconds !== null).map(([seconds, its]) => seconds / its));
    return [{ processes, factor, of, ratio, met: ratio.median <= factor }];
  });
}

// measure(SET): {question, orders, customers, spread, key, variables, rounds,
//                wanted: [[name, processes]...], memory,
//                forms, limits, chosen, once: only of the questions}
async function measure(set) {
  const contenders = set.wanted
    .filter(([name]) => engineOf(name) === 'postgresql' || sessions[name])
    .map(([name, processes]) => ({ name, processes, tried: {}, runs: [], rounds: [] }));
  say('checking that all give the same answer, to the last bit');
  const taking = [];
  for (const contender of contenders) {
    if (await tryForms(set, contender)) taking.push(contender);
  }
  if (set.memory) {
    say('measuring memory');
    for (const contender of taking) {
      if (contender.processes === 1 && contender.name !== 'lag') {
        await measureMemory(set, contender);
      }
    }
    // sessions that were opened anew read their files once
    for (const { name, form, processes } of taking) {
      if (engines[name]) await sessions[name].run(query(form, set.variables, set.chosen), processes);
    }
  }
  // with many orders, a query of more than a minute runs in the first round only; of the
  // questions, one of more than set.once seconds, if no limit refers to it
  const longest = set.once || (set.orders > large ? 60 : Infinity);
  const always = set.limits ? ['winback', 'duckdb', ...references] : ['winback'];
  const once = contender => contender.first > longest && !always.includes(contender.name);
  const round = taking.reduce((sum, c) => sum + Math.max(c.first, Math.min(1, 5 * c.first)), 0);
  const slow = taking.filter(once).reduce((sum, c) => sum + c.first, 0);
  const rounds = set.rounds === 1 ? '1 round' : `${set.rounds} rounds`;
  say(`measuring: ${rounds}, about ${minutes(set.rounds * (round - slow) + slow)}`);
  for (let i = 0; i < set.rounds; i++) {
    for (const contender of taking) {
      contender.rounds.push(once(contender) && i ? null : await turn(set, contender));
    }
  }
  const { question: asked, orders, customers, spread, key, variables, answer } = set;
  return {
    question: asked, orders, customers, spread, key, variables,
    answer: answer.length === 1 ? answer[0] : answer,
    limits: set.limits && [1, 2].flatMap(processes => limitsOf(set, taking, processes)),
    contenders: taking.map(contender => {
      const {
        name, processes, form, title, tried, runs, rounds: own, bytes, scan, parallel,
      } = contender;
      const winback = taking.find(c => c.name === 'winback' && c.processes === processes)
        || taking[0];
      const pairs = own.map((seconds, i) => [seconds, winback.rounds[i]])
        .filter(([seconds]) => seconds !== null);
      return {
        name, processes, form, title, tried, runs, bytes, scan, parallel,
        seconds: summary(pairs.map(([seconds]) => seconds)),
        ratio: summary(pairs.map(([seconds, of]) => seconds / of)),
      };
    }),
  };
}

const show = result => {
  for (const one of result.contenders) {
    const { name, processes, title, seconds, ratio, bytes, scan, parallel } = one;
    const contender = `${titles[name]}${processes === 2 ? ', 2 processes' : ''}`;
    const times = `${ratio.median.toFixed(2)} times winback`;
    process.stdout.write(`      ${contender.padEnd(36)}`
      + `${seconds.median.toFixed(3).padStart(9)} s ${times.padStart(24)}`
      + ` (${ratio.least.toFixed(2)} to ${ratio.greatest.toFixed(2)})`
      + `${bytes === undefined ? '' : `, ${(bytes / 1e6).toFixed(1)} MB`}  ${title}`
      + `${result.limits && name === 'winback' && !scan ? ', no Winback Scan' : ''}`
      + `${processes === 2 && !engines[name] && !parallel ? ', no parallel plan' : ''}\n`);
  }
  for (const { processes, factor, of, ratio, met } of result.limits || []) {
    process.stdout.write(`      at most ${factor} times ${titles[of]}`
      + `${processes === 2 ? ', 2 processes' : ''}: ${ratio.median.toFixed(2)}`
      + ` (${ratio.least.toFixed(2)} to ${ratio.greatest.toFixed(2)})`
      + `, ${met ? 'met' : 'missed'}\n`);
  }
};

const each = names => names.flatMap(name => [[name, 1], [name, 2]]);
const single = ['winback', 'plain', 'duckdb', 'clickhouse'].map(name => [name, 1]);

// measures the rate over every data set
async function measureSets(results) {
  for (const orders of config.orders) {
    const common = {
      question: 'rate', orders, customers: orders / 10, variables: {},
      rounds: orders > large ? Math.min(config.rounds, 3) : config.rounds,
    };
    const sets = orders > large ? config.sets_if_many : config.sets;
    const rate = orders > large ? each(['winback', 'plain', 'duckdb', 'clickhouse'])
      : [...each(['winback', 'plain']), ['lag', 1], ...each(['duckdb', 'clickhouse'])];
    for (const spread of ['uniform', 'zipf']) {
      const keys = ['int8', 'text'].filter(key => sets.includes(`${spread}/${key}`));
      if (!keys.length) continue;
      step(`${count(orders)} orders, ${spread}`);
      await makeOrders(orders, orders / 10, spread);
      for (const key of keys) {
        if (key === 'text') await deriveOrders('text keys', toText);
        const simple = spread === 'uniform' && key === 'int8';
        results.push(await measure({ ...common, spread, key, wanted: rate, memory: simple }));
        show(results[results.length - 1]);
        if (!simple || orders > large) continue;
        say('a series of 60 months');
        results.push(await measure({
          ...common, spread, key, question: 'series', variables: series(60, 'month'),
          wanted: each(['winback', 'plain', 'duckdb', 'clickhouse']),
        }));
        show(results[results.length - 1]);
      }
    }
  }
}

// ------------------------------------------------------- questions to a shop

// the tables of shop.sql, as DuckDB reads them
const shopTables = {
  orders: {
    customer_id: 'BIGINT', ordered_at: 'TIMESTAMP', amount: 'DECIMAL(10,2)',
    channel: 'VARCHAR', store: 'INTEGER', segment: 'INTEGER',
  },
  customers: { customer_id: 'BIGINT', country: 'VARCHAR', email: 'VARCHAR' },
  cancellations: { customer_id: 'BIGINT', cancelled_at: 'TIMESTAMP' },
};

async function makeShop(orders, customers) {
  say(`making a shop of ${count(orders)} orders of ${count(customers)} customers`);
  await sessions.postgresql.script(`SET client_min_messages = warning;
DROP TABLE IF EXISTS orders, customers, cancellations CASCADE;
\\set orders ${orders}
\\set customers ${customers}
\\i ${path.join(queries, '..', 'shop.sql')}
CHECKPOINT;
${Object.keys(shopTables).map(table => `SELECT pg_prewarm('${table}');`).join('\n')}`);
  if (!sessions.duckdb) return;
  say('loading DuckDB');
  const list = ['DROP VIEW IF EXISTS customer_events'];
  for (const [table, columns] of Object.entries(shopTables)) {
    const csv = path.join(config.directory, `${table}.csv`);
    const selected = Object.entries(columns)
      .map(([name, type]) => (type === 'TIMESTAMP' ? `${name} AT TIME ZONE 'UTC'` : name));
    await sessions.postgresql.script(
      `COPY (SELECT ${selected.join(', ')} FROM ${table}) TO '${csv}' WITH (FORMAT csv);`);
    const types = Object.entries(columns).map(([name, type]) => `${name}: '${type}'`);
    list.push(`CREATE OR REPLACE TABLE ${table} AS SELECT * FROM read_csv('${csv}',
      header = false, columns = {${types.join(', ')}})`);
  }
  list.push(`CREATE VIEW customer_events AS
    SELECT customer_id, ordered_at AS at, 'purchase' AS event FROM orders
    UNION ALL SELECT customer_id, cancelled_at, 'cancellation' FROM cancellations`, 'CHECKPOINT');
  try {
    await statements('duckdb', list);
  } catch (error) {
    await dropPeer('duckdb', error);
  }
  for (const table of Object.keys(shopTables)) {
    fs.rmSync(path.join(config.directory, `${table}.csv`), { force: true });
  }
}

// Registers the queries of a contender as forms, and returns their names.
function register(shape, name, texts) {
  return Object.entries(texts).map(([title, select]) => {
    const own = engines[name];
    const form = `${own ? `${name}/` : ''}${shape}: ${name}, ${title}`;
    const settings = name === 'executor' ? 'SET winback.enable_scan = off;' : '';
    read.set(form, { title, settings, select: own ? select : `${select};` });
    return form;
  });
}

// measures the questions of questions.js
async function measureQuestions(results) {
  for (const orders of config.questions) {
    const customers = orders / 10;
    step(`Questions, ${count(orders)} orders`);
    await makeShop(orders, customers);
    for (const { name: shape, title, limits, variables, forms: texts } of
      questionsOfShop(customers, months => series(months, 'month'))) {
      say(title);
      const own = Object.fromEntries(Object.entries(texts)
        .map(([name, list]) => [name, register(shape, name, list)]));
      const result = await measure({
        question: shape, orders, customers, variables, limits, forms: own,
        wanted: each(Object.keys(own)), rounds: config.rounds, chosen: true, once: 5,
      });
      results.push({ title, ...result });
      show(result);
    }
  }
}

// A question for few customers: each buys so often that none is silent for 90 days, and the
// usual answer would be NULL, which proves little.
const hours = {
  period: '[2024-12-31 18:00,2025-01-01)', from: '2024-12-31 18:00:00', to: '2025-01-01 00:00:00',
  inactive_after: '6 hours', inactive_from: '2024-12-31 12:00:00',
};

// measures how time and memory grow, in one process
async function measureGrowth(most, growth) {
  const point = async (axis, orders, customers, asked, variables) => {
    const set = {
      question: asked, orders, customers, variables, spread: 'uniform', key: 'int8',
      rounds: Math.min(config.rounds, 3), wanted: single, memory: true,
    };
    const result = await measure(set);
    growth.push({ axis, ...result });
    show(result);
  };
  step(`Growth, up to ${count(most)} orders`);
  for (const orders of [most / 100, 3 * most / 100, most / 10, 3 * most / 10]) {
    await makeOrders(orders, orders / 10, 'uniform');
    await point(['orders'], orders, orders / 10, 'rate', {});
  }
  await makeOrders(most, most, 'uniform');
  for (let customers = most; customers >= 1000; customers /= 10) {
    if (customers < most) await deriveOrders(`${count(customers)} customers`, toFewer(customers));
    const axis = customers === most / 10 ? ['orders', 'customers'] : ['customers'];
    await point(axis, most, customers, 'rate',
      customers < most / 10 ? hours : {});
    if (customers !== most / 10) continue;
    for (const groups of [1, 10, 100, 1000, 10000, 200000].filter(n => n <= customers)) {
      say(`${count(groups)} groups`);
      await point(['groups'], most, customers, 'groups', { groups });
    }
    for (const periods of [1, 6, 60, 600]) {
      say(`${count(periods)} periods`);
      await point(['periods'], most, customers, 'series', series(periods, 'day'));
    }
  }
}

// ------------------------------------------------------------------- all

async function main() {
  const results = {
    begun: new Date().toISOString(), ...config.about, rounds: config.rounds, leftOut,
    sets: [], growth: [], questions: [],
  };
  await reopen('postgresql');
  for (const name of Object.keys(engines)) {
    await reopen(name);
    try {
      results.versions[name] = (await statements(name, [engines[name].version])).rows[0][0];
      say(`${titles[name]} ${results.versions[name]}`);
    } catch (error) {
      await dropPeer(name, error);
    }
  }
  await sessions.postgresql.script('CREATE EXTENSION winback; CREATE EXTENSION pg_prewarm;');
  const { lines } = await sessions.postgresql.script(`SELECT name || ' ' || current_setting(name)
    FROM unnest(ARRAY['shared_buffers', 'work_mem', 'hash_mem_multiplier', 'jit', 'fsync',
                      'autovacuum', 'TimeZone']) AS name;`);
  results.settings = lines;
  await measureSets(results.sets);
  if (config.growth) await measureGrowth(config.growth, results.growth);
  await measureQuestions(results.questions);
  for (const name of Object.keys(sessions)) await sessions[name].close();
  results.minutes = Math.round((Date.now() - begun) / 60000);
  results.machine.load_after = Number(fs.readFileSync('/proc/loadavg', 'utf8').split(' ')[0]);
  fs.writeFileSync(process.argv[3], `${JSON.stringify(results, null, 1)}\n`);
}

main().catch(error => {
  process.stderr.write(`ERROR: ${error.message}\n`);
  process.exit(1);
});
